// Package state is where envctl keeps what it knows: the folder, one record a
// stack, the lock of each stack, and the key that secrets are encrypted with.
//
// Every write is atomic and keeps the previous content beside it (.bak). A
// damaged file is reported with the way to restore it and never replaced.
package state
