package owner

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// StartOf returns the boot and the tick in it that a process began at; empty
// where the system does not tell (proc mounted with hidepid), and false where
// there is no such process.
func StartOf(pid int) (start string, runs bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", errors.Is(syscall.Kill(pid, 0), syscall.EPERM)
	}
	if err != nil {
		return "", false
	}
	// The second field is the program's name, which may hold spaces and
	// parentheses; fields after its last parenthesis begin with the third.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, startTime = 3 - 3, 22 - 3
	if len(fields) <= startTime || fields[state][0] == 'Z' { // a zombie holds nothing any more
		return "", false
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return string(fields[startTime]), true
	}
	return strings.TrimSpace(string(boot)) + "/" + string(fields[startTime]), true
}

// hostNamespace is the number that the kernel gives the first PID namespace
// (PROC_PID_INIT_INO).
const hostNamespace = "4026531836"

// namespace is ":" and the number of this process's PID namespace; empty in the
// host's own, and where the system does not tell.
func namespace() string {
	link, err := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	number := strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]")
	if err != nil || number == hostNamespace {
		return ""
	}
	return ":" + number
}
