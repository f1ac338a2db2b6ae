package preflight

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const gib = 1 << 30

// Pair says whether the consumption profile takes these cores and bytes: a
// quarter to 4 cores, each with 2 GiB (learn.microsoft.com: Container Apps,
// containers, allocations).
func Pair(cpu float64, memory int64) bool {
	quarters := cpu * 4
	return cpu >= 0.25 && cpu <= 4 && quarters == math.Trunc(quarters) && float64(memory) == cpu*2*gib
}

// Pairs lists them all.
func Pairs() string {
	var out []string
	for quarters := 1; quarters <= 16; quarters++ {
		cpu := float64(quarters) / 4
		out = append(out, strconv.FormatFloat(cpu, 'f', -1, 64)+"/"+GiB(int64(cpu*2*gib)))
	}
	return strings.Join(out, ", ")
}

// GiB writes bytes as Container Apps does.
func GiB(bytes int64) string {
	if bytes%(gib/1024) != 0 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return strconv.FormatFloat(float64(bytes)/gib, 'f', -1, 64) + "Gi"
}
