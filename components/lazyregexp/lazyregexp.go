// Package lazyregexp makes regular expressions that are compiled when they are first
// used: most commands use few of those that the program has, and each costs 10 to 50 µs
// of every start.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns what compiles expr once, and panics where it cannot be compiled.
func New(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
