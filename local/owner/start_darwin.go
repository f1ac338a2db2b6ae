package owner

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// StartOf returns the time that a process began at; false where there is no such
// process.
func StartOf(pid int) (start string, runs bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	const zombie = 5 // SZOMB
	if err != nil || int(info.Proc.P_pid) != pid || info.Proc.P_stat == zombie {
		return "", false
	}
	return fmt.Sprintf("%d.%06d", info.Proc.P_starttime.Sec, info.Proc.P_starttime.Usec), true
}

// namespace is empty: there are no PID namespaces.
func namespace() string { return "" }
