package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
)

// slowApp takes its time: its health check fails for as long as it has to start.
const slowApp = `
name: @NAME@
apps:
  api:
    build: {context: app}
    cpu: 0.25
    memory: 512Mi
    env: {SICK: "still"}
    ingress: {port: 8080, public: true}
    health: {path: /healthz, interval: 1s, grace: 10m}
`

const quickApp = `
name: @NAME@
apps:
  api:
    build: {context: app}
    cpu: 0.25
    memory: 512Mi
    ingress: {port: 8080, public: true}
    health: {path: /healthz, interval: 1s, grace: 2m}
`

// stopWithin is generous: an operation that was asked to stop has to write its
// state on a machine that is busy.
const stopWithin = 45 * time.Second

// TestInterrupted is Ctrl-C in the middle of an up: once stops in good order, twice
// at once; both end with 130, and the next command goes on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signals []os.Signal
		next    string
	}{
		"once, then up":    {[]os.Signal{os.Interrupt}, "up"},
		"once, then down":  {[]os.Signal{os.Interrupt}, "down"},
		"twice, then up":   {[]os.Signal{os.Interrupt, os.Interrupt}, "up"},
		"twice, then down": {[]os.Signal{os.Interrupt, os.Interrupt}, "down"},
		"SIGTERM":          {[]os.Signal{syscall.SIGTERM}, "up"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExperiment(t, slowApp)
			up := x.begin("up")
			up.makes("api")
			for _, s := range c.signals {
				up.signal(s)
				time.Sleep(10 * time.Millisecond) // two signals at once are one
			}
			ended := up.end(stopWithin)
			if ended.code != 130 {
				t.Errorf("exit status %d, expected 130; stderr:\n%s", ended.code, ended.stderr)
			}
			if len(c.signals) == 1 {
				has(t, ended.stdout, `"result":"failed"`, `"interrupted"`)
			}
			if c.next == "up" {
				x.define(quickApp)
				x.must(0, "up")
				x.sound()
			}
			x.must(0, "down")
			x.gone()
		})
	}
}

// slowBuild has a step that takes longer than the test waits.
const slowBuild = `FROM scratch
COPY app /app
COPY version /version
RUN ["/app", "sleep", "5m"]
ENTRYPOINT ["/app"]
`

// TestStoppedWhileBuilding ends an up in the middle of a step of its image's build,
// in good order and by a kill.
func TestStoppedWhileBuilding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal os.Signal
		code   int
	}{
		"interrupt": {os.Interrupt, 130},
		"kill":      {os.Kill, -1},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExperiment(t, quickApp)
			dockerfile := filepath.Join(x.dir, "app", "Dockerfile")
			quick, err := os.ReadFile(dockerfile)
			if err != nil {
				t.Fatal(err)
			}
			// A version of its own keeps the build from the cache of another test.
			version := []byte(x.name + "\n")
			for file, content := range map[string][]byte{dockerfile: []byte(slowBuild), filepath.Join(x.dir, "app", "version"): version} {
				if err := os.WriteFile(file, content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			up := x.begin("up", "-v")
			up.until("a sleeping step", func(e stacks.Event) bool { return e.Phase == "build" && e.Message == "sleeping 5m0s" })
			up.signal(c.signal)
			if ended := up.end(stopWithin); ended.code != c.code {
				t.Errorf("exit status %d, expected %d; stderr:\n%s", ended.code, c.code, ended.stderr)
			}
			if err := os.WriteFile(dockerfile, quick, 0o644); err != nil {
				t.Fatal(err)
			}
			x.must(0, "up")
			x.sound()
			x.must(0, "down")
			x.gone()
		})
	}
}
