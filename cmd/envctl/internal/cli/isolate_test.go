package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// sandboxed are sandboxes of no engine.
type sandboxed struct {
	level    string
	outcome  string
	asked    string
	isolated bool
}

func (s *sandboxed) Contain(_ context.Context, level string, tell func(string)) ([]output.ContainmentReport, error) {
	s.level = level
	tell("trying")
	return []output.ContainmentReport{{Isolation: "container", Runtime: "runc", Rows: []output.ContainmentRow{
		{Group: "network", Name: "tcp-out", Outcome: s.outcome, Detail: "reached it"}}}}, nil
}

func (s *sandboxed) Isolate(_ context.Context, ask func(string) error) (output.Isolated, error) {
	s.asked = "Build it?"
	if err := ask(s.asked); err != nil {
		return output.Isolated{}, err
	}
	s.isolated = true
	return output.Isolated{Result: "registered", Runtime: "runsc", Kernel: "gVisor"}, nil
}

func TestDoctorContainment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args    []string
		outcome string
		status  int
		part    string // of what is printed
	}{
		{[]string{"doctor", "--containment"}, "blocked", 0, "1 of 1 attempts blocked"},
		{[]string{"doctor", "--containment", "--isolation", "gvisor"}, "exposed", 0, "1 exposed"},
		{[]string{"doctor", "--containment"}, "escaped", 1, "tcp-out: reached it"},
		{[]string{"doctor", "--containment", "--isolation", "thick"}, "blocked", 2, "thick"},
		{[]string{"doctor", "--isolation", "gvisor"}, "blocked", 2, "--containment"},
		{[]string{"doctor", "--fix", "isolation", "--containment"}, "blocked", 2, "two different"},
		{[]string{"doctor", "--fix", "disk"}, "blocked", 2, "isolation"},
		{[]string{"doctor", "--fix", "isolation"}, "", 2, "--yes"},
		{[]string{"doctor", "--fix", "isolation", "--yes"}, "", 0, "registered as runsc"},
	} {
		s := &sandboxed{outcome: c.outcome}
		got := shell{dir: folder(t)}.run(t.Context(), &fake{sandboxes: s}, c.args...)
		if got.status != c.status || !strings.Contains(got.stdout+got.stderr, c.part) {
			t.Errorf("%q: %+v", c.args, got)
		}
		if yes := strings.Contains(strings.Join(c.args, " "), "--yes"); s.isolated != yes {
			t.Errorf("%q: changed %v", c.args, s.isolated)
		}
	}
}
