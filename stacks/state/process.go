package state

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/envctl/envctl/local/owner"
)

// Process names one process for good: a PID alone is used again later.
type Process struct {
	PID  int    `json:"pid"`
	Host string `json:"host"`
	User string `json:"user"`
	// Start tells it from others that had or will have its PID. It is compared,
	// never read; empty where the system does not tell.
	Start string `json:"start,omitempty"`
}

// Self is this process.
func Self() Process {
	p := Process{PID: os.Getpid(), User: strconv.Itoa(os.Getuid())}
	p.Host, _ = os.Hostname() // unknown is empty
	if u, err := user.Current(); err == nil {
		p.User = u.Username
	}
	p.Start, _ = owner.StartOf(p.PID)
	return p
}

// Alive says whether the process still runs. One on another host may, for all
// that can be known here; the zero Process does not.
func (p Process) Alive() bool {
	if p.PID == 0 {
		return false
	}
	if host, err := os.Hostname(); err != nil || host != p.Host {
		return true
	}
	start, runs := owner.StartOf(p.PID)
	return runs && (p.Start == "" || start == "" || start == p.Start)
}

// String returns the process in words.
func (p Process) String() string {
	return fmt.Sprintf("process %d of %s on %s", p.PID, p.User, p.Host)
}
