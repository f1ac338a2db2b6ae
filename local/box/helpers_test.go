package box_test

import (
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/isolation/isolationtest"
)

// tool is the static program of the tests' images.
var tool = dockertest.Program("./testdata/tool")

// rig is a manager on a real engine, with an image that holds the tool.
type rig struct {
	*box.Manager
	t     testing.TB
	image docker.Image
	// isolated is what separates its boxes from the machine.
	isolated isolation.Choice
}

// underEach runs a test under each level of isolation.
func underEach(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Parallel()
	isolationtest.Each(t, dockertest.Engine(t), func(t *testing.T, c isolation.Choice) {
		t.Parallel()
		r := newRig(t)
		r.isolated = c
		test(t, r)
	})
}

func newRig(t testing.TB) *rig {
	t.Helper()
	e := dockertest.Engine(t)
	own := dockertest.Labels(t, e)
	return &rig{t: t, image: dockertest.Image(t, e, own, tool(t)), Manager: &box.Manager{
		Engine: e, Owner: "here/" + own[dockertest.Label], Gone: func(string) bool { return false }, Labels: own, Most: 40, Now: time.Now,
	}}
}

func (r *rig) spec() box.Spec {
	return box.Spec{Image: r.image.ID, Ref: "tool", CPU: 1, Memory: 128 << 20, Storage: 16 << 20, TTL: 10 * time.Minute, Runtime: r.isolated.Runtime}
}

func (r *rig) create() box.Box {
	r.t.Helper()
	b, err := r.Create(r.t.Context(), r.spec())
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *rig) start(id string, args ...string) *box.Program {
	r.t.Helper()
	p, err := r.Start(r.t.Context(), id, box.Command{Argv: append([]string{"/tool"}, args...)})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) wait(p *box.Program) box.Result {
	r.t.Helper()
	select {
	case <-p.Done():
		return p.Result()
	case <-time.After(time.Minute):
		r.t.Fatalf("%q does not end", p.Argv)
		return box.Result{}
	}
}

// run runs the tool to its end.
func (r *rig) run(id string, args ...string) (stdout string, res box.Result) {
	r.t.Helper()
	p := r.start(id, args...)
	res = r.wait(p)
	if res.Err != nil {
		r.t.Fatal(res.Err)
	}
	return string(p.Stdout.Window(0, 1<<20).Head), res
}

// says waits until a program has printed something.
func (r *rig) says(p *box.Program, text string) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if strings.Contains(string(p.Stdout.Window(0, 1<<20).Head), text) {
			return
		}
		if p.Ended() || time.Now().After(deadline) {
			r.t.Fatalf("%q does not say %q: %+v %q", p.Argv, text, p.Result(), p.Stderr.Window(0, 1000).Head)
		}
	}
}

// alone fails unless nothing but process 1 runs in a box, soon: process 1 is told by
// a signal. A process without a command line has ended.
func (r *rig) alone(id string) {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, _ := r.run(id, "count")
		var others []string
		for _, line := range strings.Split(strings.TrimSpace(out), "|") {
			if !strings.HasPrefix(line, "/.envctl/hold") && line != "/tool count" && line != "" {
				others = append(others, line)
			}
		}
		if len(others) == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Errorf("there still run %q", others)
			return
		}
	}
}
