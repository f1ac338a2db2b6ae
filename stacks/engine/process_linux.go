package engine

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// ticks of a process's start time in a second: USER_HZ, 100 on every platform
// that Go runs on.
const ticks = 100

// startOf returns when a process began; false where that cannot be known.
func startOf(pid int) (time.Time, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return time.Time{}, false
	}
	// The second field is the program's name, which may hold spaces and
	// parentheses; fields after its last parenthesis begin with the third.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const startTime = 22 - 3
	if len(fields) <= startTime {
		return time.Time{}, false
	}
	since, err := strconv.ParseInt(string(fields[startTime]), 10, 64)
	boot, ok := bootTime()
	if err != nil || !ok {
		return time.Time{}, false
	}
	return boot.Add(time.Duration(since) * time.Second / ticks), true
}

func bootTime() (time.Time, bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, false
	}
	_, after, _ := bytes.Cut(stat, []byte("\nbtime "))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	seconds, err := strconv.ParseInt(string(line), 10, 64)
	return time.Unix(seconds, 0), err == nil
}
