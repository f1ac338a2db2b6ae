// Package stores drives the built program with its state in object stores that several
// machines share; it has tests only.
package stores
