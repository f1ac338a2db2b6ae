package hold

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// descendants lists all processes that came from one, as the kernel knows them now.
func descendants(ancestor int) []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, ok := parentOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	var out []int
	for queue := []int{ancestor}; len(queue) > 0; queue = queue[1:] {
		out = append(out, children[queue[0]]...)
		queue = append(queue, children[queue[0]]...)
	}
	return out
}

func parentOf(pid int) (int, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The second field is the program's name, which may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const parent = 4 - 3
	if len(fields) <= parent {
		return 0, false
	}
	out, err := strconv.Atoi(string(fields[parent]))
	return out, err == nil
}

// kill stops all of them before it ends the first, so that none can put a new one
// in the place of those that are gone.
func kill(pids []int) {
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range pids {
			_ = syscall.Kill(pid, s) // gone already: as good
		}
	}
}
