package packages

import (
	"fmt"
	"strconv"
	"strings"
)

// Satisfies says whether a version of Python is in a range as requires-python has
// it: comparisons with commas. Versions are compared by their numbers alone.
func Satisfies(version, specifier string) (bool, error) {
	have, err := release(version)
	if err != nil {
		return false, err
	}
	for part := range strings.SplitSeq(specifier, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		ok, err := compare(have, part)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func compare(have []int, part string) (bool, error) {
	at := strings.IndexAny(part, "0123456789")
	if at <= 0 {
		return false, fmt.Errorf("requires-python has %q, expected a comparison as in >=3.11", part)
	}
	operator, text := strings.TrimSpace(part[:at]), strings.TrimSpace(part[at:])
	text, wild := strings.CutSuffix(text, ".*")
	want, err := release(text)
	if err != nil {
		return false, err
	}
	prefix := have[:min(len(have), len(want))]
	switch operator {
	case ">=":
		return order(have, want) >= 0, nil
	case ">":
		return order(have, want) > 0, nil
	case "<=":
		return order(have, want) <= 0, nil
	case "<":
		return order(have, want) < 0, nil
	case "==", "===":
		if wild {
			return order(prefix, want) == 0, nil
		}
		return order(have, want) == 0, nil
	case "!=":
		if wild {
			return order(prefix, want) != 0, nil
		}
		return order(have, want) != 0, nil
	case "~=":
		if len(want) < 2 {
			return false, fmt.Errorf("requires-python has %q, expected two numbers at least, as in ~=3.11", part)
		}
		stem := want[:len(want)-1]
		return order(have, want) >= 0 && order(have[:min(len(have), len(stem))], stem) == 0, nil
	}
	return false, fmt.Errorf("requires-python has the operator %q, expected one of >= > <= < == != ~=", operator)
}

// release returns the numbers of a version: what follows them, as rc1, is left out.
func release(version string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(strings.TrimSpace(version), ".") {
		digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			break
		}
		out = append(out, n)
		if digits != part {
			break
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q is no version", version)
	}
	return out, nil
}

// order compares versions; numbers that are missing are 0.
func order(a, b []int) int {
	for i := range max(len(a), len(b)) {
		x, y := 0, 0
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return x - y
		}
	}
	return 0
}
