// Package faults holds the tests that run the whole program against a simulated
// Azure that fails in random ways, and kill it at random instants.
package faults
