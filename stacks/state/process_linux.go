package state

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// startOf returns the boot and the tick in it that a process began at; false
// where there is no such process.
func startOf(pid int) (string, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
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
