// Package owner names the process that waits for an object on an engine, so that
// the next envctl can tell an object in use from one whose owner was killed.
package owner

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Label is the label of an object that is worth nothing without its owner: the
// container of a job, a run or a box. Its value is [Owner.String].
const Label = "dev.envctl.owner"

// Owner is one process for good. A PID alone is used again later, and the engine
// may be another machine's.
type Owner struct {
	// Place is where the PID counts: the host's name, on Linux with the number of
	// the PID namespace where it is not the host's own. Containers on the host's
	// network have its name and other PIDs.
	Place string
	PID   int
	// Start tells it from others that had or will have its PID. It is compared,
	// never read; empty where the system does not tell, or an older envctl wrote it.
	Start string
}

// Self is this process.
func Self() (Owner, error) {
	here, err := place()
	if err != nil {
		return Owner{}, fmt.Errorf("name this process as an owner: %w", err)
	}
	start, _ := StartOf(os.Getpid())
	return Owner{Place: here, PID: os.Getpid(), Start: start}, nil
}

// String is PLACE/PID/START, or PLACE/PID where the start is not known: the value
// of [Label].
func (o Owner) String() string {
	out := o.Place + "/" + strconv.Itoa(o.PID)
	if o.Start != "" {
		out += "/" + o.Start
	}
	return out
}

// Parse is the inverse of [Owner.String]. It returns false for what no Owner
// wrote.
func Parse(label string) (Owner, bool) {
	place, rest, ok := strings.Cut(label, "/")
	number, start, _ := strings.Cut(rest, "/")
	pid, err := strconv.Atoi(number)
	if !ok || place == "" || err != nil || pid < 1 || strconv.Itoa(pid) != number {
		return Owner{}, false
	}
	return Owner{Place: place, PID: pid, Start: start}, true
}

// Gone says whether the owner is known to be no more. That of another place may
// run, for all that can be known here.
func (o Owner) Gone() bool {
	here, err := place()
	if err != nil || o.PID < 1 || o.Place != here {
		return false
	}
	start, runs := StartOf(o.PID)
	return !runs || o.Start != "" && start != "" && start != o.Start
}

// Gone says whether a value of [Label] names a process that is known to be no
// more. A value that no envctl wrote names none.
func Gone(label string) bool {
	o, ok := Parse(label)
	return ok && o.Gone()
}

// place is where PIDs of this process count.
func place() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	if host == "" || strings.Contains(host, "/") {
		return "", fmt.Errorf("the host's name %q is empty or has a slash", host)
	}
	return host + namespace(), nil
}
