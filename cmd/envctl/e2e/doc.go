// Package e2e holds the tests of envctl as a whole: the built program, the real
// Pulumi engine and the real Docker Engine. What they need of an image is built
// from scratch here, so nothing is pulled. Without an engine they fail.
//
// The files of testdata/script are the command line's specification against an
// engine; the Go files do what a script cannot: drift, kills, signals, two at a
// time, and an environment that fails.
//
// ENVCTL_KILLS and ENVCTL_SEED set how often, and in which sequence, the crash
// test kills.
package e2e
