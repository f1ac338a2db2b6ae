package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/envctl/envctl/stacks"
)

// TestTwoAtOnce has a second envctl on an experiment that one works on: it waits
// and says for whom, or ends with 5 and says for whom; a holder that is killed
// holds nothing.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, slowApp)
	first := x.begin("up")
	first.makes("api")
	holder := fmt.Sprintf("process %d", first.cmd.Process.Pid)

	x.env = []string{"ENVCTL_LOCK_WAIT=0s"}
	for _, command := range []string{"up", "down"} {
		c := x.must(5, command)
		has(t, c.stderr, "in use by", `"envctl up"`, holder, "wait for it to end")
	}
	has(t, x.must(5, "up", "-o", "json").stdout, `"locked"`, holder)
	x.must(2, "preview", "--file", "nowhere.yaml") // no lock is taken where nothing is done
	has(t, x.must(0, "status").stdout, "api")
	x.env = []string{"ENVCTL_LOCK_WAIT=soon"}
	has(t, x.must(2, "up").stderr, `ENVCTL_LOCK_WAIT "soon"`)

	x.env = []string{"ENVCTL_LOCK_WAIT=10m"}
	x.define(quickApp)
	second := x.begin("up")
	second.until("waiting", func(e stacks.Event) bool {
		return e.Type == stacks.EventLog && strings.HasPrefix(e.Message, "waiting for") && strings.Contains(e.Message, holder)
	})
	first.signal(os.Kill)
	if c := second.end(patience); c.code != 0 {
		t.Fatalf("the second up ends with %d:\n%s", c.code, c.stderr)
	}
	x.env = nil
	x.sound()
	x.must(0, "down")
	x.gone()
}

// TestManyAtOnce has four on the same experiment and four on instances of their own
// at the same time: each ends well.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, quickApp)
	x.env = []string{"ENVCTL_LOCK_WAIT=10m"}
	var all []*running
	for i := range 4 {
		all = append(all, x.begin("up"), x.begin("up", "-n", fmt.Sprintf("i%d", i)))
	}
	for _, r := range all {
		if c := r.end(2 * patience); c.code != 0 {
			t.Errorf("envctl %q ends with %d:\n%s\n%s", c.args, c.code, c.stdout, c.stderr)
		}
	}
	x.sound()
	all = []*running{x.begin("down")}
	for i := range 4 {
		all = append(all, x.begin("down", "-n", fmt.Sprintf("i%d", i)))
	}
	for _, r := range all {
		if c := r.end(2 * patience); c.code != 0 {
			t.Errorf("envctl %q ends with %d:\n%s\n%s", c.args, c.code, c.stdout, c.stderr)
		}
	}
	x.gone()
}
