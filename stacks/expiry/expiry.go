// Package expiry says when an experiment expires: the pure rules that `up`,
// `extend`, `list` and `gc` share.
package expiry

import (
	"fmt"
	"time"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

// longest is how far ahead a deadline may be: the longest ttl of a definition.
const longest = 365 * 24 * time.Hour

// Deadline is when an experiment expires by what is recorded of it and what is on
// its target; zero: never. The target's word counts, since the record may be
// another machine's or gone. A deadline that was moved and whose mark on the target
// is lost is taken from the record.
func Deadline(rec state.Record, st stacks.State) time.Time {
	switch {
	case st.Moved:
		return st.Expires
	case rec.Moved, st.Expires.IsZero():
		return rec.Expires
	}
	return st.Expires
}

// Due says whether a deadline has passed.
func Due(deadline, now time.Time) bool { return !deadline.IsZero() && !deadline.After(now) }

// Next is the deadline after an up with a ttl, counted from creation, and whether
// it still is one that was moved. What `extend` gave is not taken away by an up; a
// ttl of 0 that was asked for is.
func Next(rec state.Record, ttl time.Duration, asked bool) (deadline time.Time, moved bool) {
	if ttl > 0 {
		deadline = rec.Created.Add(ttl)
	}
	switch {
	case !rec.Moved, ttl == 0 && asked, deadline.After(rec.Expires):
		return deadline, false
	}
	return rec.Expires, true
}

// Move is where a deadline is moved to. Exactly one field is set.
type Move struct {
	By    time.Duration // further than it is; from now on where it has passed
	TTL   time.Duration // after creation
	Until time.Time
}

// MoveError is a deadline that cannot be.
type MoveError struct{ Problem, Mend string }

func (e *MoveError) Error() string { return e.Problem }

// Hint says how to mend it.
func (e *MoveError) Hint() string { return e.Mend }

// Code is the error's name in JSON.
func (*MoveError) Code() string { return "deadline" }

// ExitStatus is that of a wrong command line.
func (*MoveError) ExitStatus() int { return 2 }

// To is the new deadline, in whole seconds of UTC, which is in the future and at
// most 365 days ahead. created is zero where nobody knows.
func (m Move) To(deadline, created, now time.Time) (time.Time, error) {
	var to time.Time
	switch {
	case m.By > 0 && deadline.IsZero():
		return to, &MoveError{"it does not expire, so there is nothing to extend", "say when it is to expire: --until 2026-01-31T12:00:00Z, or --ttl 8h"}
	case m.By > 0 && deadline.Before(now):
		to = now.Add(m.By)
	case m.By > 0:
		to = deadline.Add(m.By)
	case m.TTL > 0 && created.IsZero():
		return to, &MoveError{"nobody knows when it was created, so a time to live has no beginning", "--until 2026-01-31T12:00:00Z needs none"}
	case m.TTL > 0:
		to = created.Add(m.TTL)
	default:
		to = m.Until
	}
	to = to.UTC().Truncate(time.Second)
	switch {
	case !to.After(now):
		return time.Time{}, &MoveError{fmt.Sprintf("%s has passed", to.Format(time.RFC3339)), "give a time to come, or end it now: envctl down"}
	case to.After(now.Add(longest)):
		return time.Time{}, &MoveError{
			fmt.Sprintf("%s is more than %s ahead", to.Format(time.RFC3339), definition.Duration(longest)),
			"give an earlier one: it can be moved again"}
	}
	return to, nil
}
