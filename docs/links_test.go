package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// code is what no link is in.
	code = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
)

// TestLinks follows every relative link, to the heading where it names one.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			to := page
			if target != "" {
				to = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
				continue
			}
			if fragment != "" && !anchors(t, to)[fragment] {
				t.Errorf("%s: the link %s names no heading of %s", page, m[1], to)
			}
		}
	}
}

// anchors are the names that headings of a page have as targets of links.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
		out[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return out
}

var fence = regexp.MustCompile("(?s)```.*?```")

// foreign is what only the machine that a page was written on has.
var foreign = regexp.MustCompile(`(?:^|[^.\w/-])/(?:root|work|home/[a-z]+|tmp/[a-z])\b|proxy\.golang|localhost:\d+/v2|TODO|FIXME`)

// TestForeign holds that no page has paths of a writer's machine or notes to self.
func TestForeign(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for i, line := range strings.Split(read(t, page), "\n") {
			if m := foreign.FindString(line); m != "" {
				t.Errorf("%s:%d: %q in %q", page, i+1, m, line)
			}
		}
	}
}
