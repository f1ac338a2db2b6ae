package output

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/envctl/envctl/stacks"
)

// past and present are the state words of an operation on a resource.
var (
	past = map[string]string{"create": "created", "update": "updated", "replace": "replaced",
		"delete": "deleted", "same": "unchanged", "refresh": "read"}
	present = map[string]string{"create": "creating", "update": "updating", "replace": "replacing",
		"delete": "deleting", "same": "checking", "refresh": "reading"}
)

// word says what is or was done to the resource of e.
func word(e stacks.Event) string {
	words := past
	switch e.State {
	case stacks.StateFailed:
		return "failed"
	case stacks.StateRunning:
		words = present
	}
	if w := words[e.Op]; w != "" {
		return w
	}
	if e.State == stacks.StateRunning {
		return "running"
	}
	return "done"
}

// label names what e is about: "container api", or the phase.
func label(kind, name, phase string) string {
	switch {
	case name == "":
		return phase
	case kind == "" || strings.HasPrefix(name, kind+" "):
		return name
	}
	return kind + " " + name
}

// seconds prints a short time: 0.02s, 12.3s, 2m05s.
func seconds(s float64) string {
	switch {
	case s < 0.995:
		return fmt.Sprintf("%.2fs", s)
	case s < 59.95:
		return fmt.Sprintf("%.1fs", s)
	}
	d := time.Duration(math.Round(s)) * time.Second
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

// span prints a length of time in its two largest units: 45s, 7h59m, 3d4h.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return units(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return units(d, time.Hour, "h", time.Minute, "m")
	}
	return units(d, day, "d", time.Hour, "h")
}

func units(d, large time.Duration, l string, small time.Duration, s string) string {
	if rest := d % large / small; rest > 0 {
		return fmt.Sprintf("%d%s%d%s", d/large, l, rest, s)
	}
	return fmt.Sprintf("%d%s", d/large, l)
}

// left prints how long it is until t: "in 7h59m" or "expired 3m ago".
func left(t, now time.Time) string {
	if d := t.Sub(now); d > 0 {
		return "in " + span(d)
	}
	return "expired " + span(now.Sub(t)) + " ago"
}

// count prints n with the noun in the right number.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
