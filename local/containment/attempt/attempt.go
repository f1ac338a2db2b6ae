//go:build linux

package attempt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// try is one way of a row. It returns nil where it worked.
type try struct {
	name string
	do   func() error
}

// Run makes all attempts and prints a result a line.
func Run(task Task, out io.Writer) error {
	var mu sync.Mutex
	encoder := json.NewEncoder(out)
	var failed error
	tell := func(r Result) {
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, encoder.Encode(r))
	}
	var wg sync.WaitGroup
	for row, targets := range task.Targets {
		wg.Go(func() { tell(reach(row, targets)) })
	}
	wg.Wait()
	if task.NetworkOnly {
		return failed
	}
	for _, r := range rights() {
		tell(r.run())
	}
	for _, look := range []func(Task) Result{secrets, environment, processes, descriptors, masked, outside, room} {
		tell(look(task))
	}
	return failed
}

// row is a list of ways to the same thing.
type row struct {
	name  string
	tries []try
}

// run tries every way. One that works is enough for an escape.
func (r row) run() Result {
	var worked, failed []string
	for _, t := range r.tries {
		if err := t.do(); err != nil {
			failed = append(failed, t.name+"\x00"+err.Error())
		} else {
			worked = append(worked, t.name)
		}
	}
	if len(worked) > 0 {
		return Result{r.name, Escaped, strings.Join(worked, ", ") + " worked"}
	}
	return Result{r.name, Blocked, summary(failed)}
}

// named is how many ways a detail names for one reason.
const named = 4

// summary joins ways and reasons, which a NUL stands between; equal reasons are told
// once.
func summary(failed []string) string {
	byReason, order := map[string][]string{}, []string{}
	for _, f := range failed {
		name, reason, _ := strings.Cut(f, "\x00")
		if !slices.Contains(order, reason) {
			order = append(order, reason)
		}
		byReason[reason] = append(byReason[reason], name)
	}
	var parts []string
	for _, reason := range order {
		names := byReason[reason]
		if more := len(names) - named; more > 1 {
			names = append(names[:named:named], fmt.Sprintf("and %d more", more))
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", reason, strings.Join(names, ", ")))
	}
	return strings.Join(parts, "; ")
}

// permitted reads from an error whether a call was let through to its arguments,
// which are such that it does nothing: everything but a refusal is that.
func permitted(err error) error {
	for _, refusal := range []error{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EROFS, unix.EOPNOTSUPP} {
		if errors.Is(err, refusal) {
			return err
		}
	}
	return nil
}
