package definition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cronProblem is what is wrong with an expression that matches cronPattern: a
// range that falls or a step beyond the field; empty: nothing.
func cronProblem(expression string) string {
	fields := strings.Fields(expression)
	most := []int{59, 23, 31, 12, 6}
	if len(fields) != len(most) {
		return "does not have five fields"
	}
	for i, f := range fields {
		for part := range strings.SplitSeq(f, ",") {
			values, step, _ := strings.Cut(part, "/")
			if n, err := strconv.Atoi(step); err == nil && n > most[i] {
				return fmt.Sprintf("has the step %d in a field that goes to %d", n, most[i])
			}
			low, high, isRange := strings.Cut(values, "-")
			if isRange && cronValue(low) > cronValue(high) {
				return fmt.Sprintf("has the range %s, which falls", values)
			}
		}
	}
	return ""
}

// cronValue is the number of a value, names of months and weekdays included.
func cronValue(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	if i := slices.Index([]string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, s); i >= 0 {
		return i
	}
	return 1 + slices.Index([]string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}, s)
}
