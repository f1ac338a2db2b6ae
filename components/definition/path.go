package definition

import (
	"strconv"
	"strings"
)

// childPath is the path of a key below a path: apps.api, or files["./a.csv"]
// for a key that has other characters than names have.
func childPath(path, key string) string {
	plain := key != "" && strings.IndexFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
	switch {
	case !plain:
		return path + "[" + strconv.Quote(shorten(key)) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// itemPath is the path of a list's item: needs[0].
func itemPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// shorten keeps a quoted value from filling the screen.
func shorten(s string) string {
	const most = 60
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most]) + "…"
}
