package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// startOf returns when a process began; false where that cannot be known.
func startOf(pid int) (time.Time, bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(info.Proc.P_pid) != pid {
		return time.Time{}, false
	}
	return time.Unix(info.Proc.P_starttime.Sec, int64(info.Proc.P_starttime.Usec)*1000), true
}
