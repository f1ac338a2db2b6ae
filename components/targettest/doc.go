// Package targettest is what every target of envctl has to do alike. [Run] takes
// envctl through the life of an experiment on one target, from the outside, as a
// user has it: a program that is run with arguments. What a target does is asserted
// by the same lines for all, and returned as [Facts] in which nothing depends on
// the target, so that two of them can be compared.
//
// The differences that remain are in this package by name ([Known]); everything else
// is a failure.
package targettest
