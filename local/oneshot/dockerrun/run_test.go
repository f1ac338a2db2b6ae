package dockerrun_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
)

func TestScriptWithFiles(t *testing.T) { underEach(t, scriptWithFiles) }

func scriptWithFiles(t *testing.T, r rig) {
	out := filepath.Join(r.dir, "results")
	data := r.file("data.csv", "1\n2\n3\n")
	r.file("folder/sub/x.txt", "deep")
	spec := python(`
import sys, os
print(sum(int(l) for l in open("data.csv")), sys.argv[1:], sys.stdin.read(), os.environ["MODE"])
print(open("/in/folder/sub/x.txt").read(), file=sys.stderr)
os.makedirs("/out/a/b")
open("/out/a/b/sum.txt", "w").write("6")
for p in ("/in/data.csv", "/in/new", "/new", "/in/folder/y"):
    try:
        open(p, "w"); print("wrote", p)
    except OSError: pass
open("/tmp/x", "w").write("y")
sys.exit(0)
`)
	spec.Inputs = []string{data, filepath.Join(r.dir, "folder")}
	spec.Out, spec.Args, spec.Env = out, []string{"--month", "a b"}, map[string]string{"MODE": "fast"}
	res := r.fine(r.run(spec, "typed"))
	if res.out != "6 ['--month', 'a b'] typed fast\n" || res.err != "deep\n" {
		t.Errorf("stdout %q, stderr %q", res.out, res.err)
	}
	if got, err := os.ReadFile(filepath.Join(out, "a/b/sum.txt")); err != nil || string(got) != "6" {
		t.Errorf("the result is %q, %v", got, err)
	}
	if res.Files == nil || res.Files.Files != 1 || res.Stdout.Bytes == 0 || res.Image == "" || res.Isolation.Network != "none" || res.Isolation.Level != r.level {
		t.Errorf("report %+v", res.Report)
	}
	r.gone(res.ID)
	record, err := r.deps.Load(res.ID)
	if err != nil || len(record.Inputs) != 3 || len(record.Outputs) != 1 {
		t.Errorf("record %+v, %v", record, err)
	}
}

func TestImageOfItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.fine(r.run(oneshot.Spec{Image: pythonImage, Args: []string{"sh", "-c", "echo $HOME; id -u; pwd"}}, ""))
	if res.out != "/tmp\n65532\n/\n" {
		t.Errorf("stdout %q", res.out)
	}
}

func TestEnds(t *testing.T) { underEach(t, ends) }

func ends(t *testing.T, r rig) {
	for _, row := range []struct {
		name, source string
		change       func(*oneshot.Spec)
		exit         int
		kind, ended  string
	}{
		{"its own exit status", "raise SystemExit(7)", nil, 7, "", oneshot.Exited},
		{"time limit", "import time\ntime.sleep(60)", func(s *oneshot.Spec) { s.Timeout = time.Second }, 143, "timeout", oneshot.TimedOut},
		{"deaf to signals", "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
			func(s *oneshot.Spec) { s.Timeout = time.Second }, 137, "timeout", oneshot.TimedOut},
		{"memory", "x = bytearray(300 << 20)", func(s *oneshot.Spec) { s.Memory = 160 << 20 }, 137, "memory", oneshot.OutOfMemory},
		{"no network", `
import socket
for f in (lambda: socket.create_connection(("192.0.2.1", 80), 1), lambda: socket.getaddrinfo("example.com", 80)):
    try:
        f(); print("reached")
    except OSError: pass
raise SystemExit(len([l for l in open("/proc/net/dev") if ":" in l]))`, nil, 1, "", oneshot.Exited},
		{"fork bomb", `
import os
n = 0
while True:
    try:
        if os.fork() == 0:
            import time; time.sleep(30); os._exit(0)
        n += 1
    except OSError:
        os._exit(0 if n < 256 else 1)`, nil, 0, "", oneshot.Exited},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			spec := python(row.source)
			if row.change != nil {
				row.change(&spec)
			}
			r := rig{t, r.engine, r.deps, r.dir, r.level}
			res := r.run(spec, "")
			if r.level == isolation.GVisor && row.name == "fork bomb" && res.ExitCode == 2 {
				return // its kernel runs within the same limit, and gave up
			}
			if res.ExitCode != row.exit || kind(res.failed) != row.kind || res.Ended != row.ended || strings.Contains(res.out, "reached") {
				t.Errorf("%+v\n%s%s%v", res.Report, res.out, res.err, res.failed)
			}
			r.gone(res.ID)
		})
	}
}

func TestInterrupt(t *testing.T) { underEach(t, interrupt) }

func interrupt(t *testing.T, r rig) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("Ctrl-C")
	var stdout notifier
	stdout.on = func() { cancel(why) }
	spec := python(`
import signal, sys, time
def end(*_):
    print("in good order"); sys.exit(3)
signal.signal(signal.SIGTERM, end)
print("up", flush=True); time.sleep(60)`)
	spec.Isolation = r.level
	report, err := oneshot.Run(ctx, r.deps, spec, oneshot.Streams{Stdout: &stdout})
	if !errors.Is(err, why) || report.Ended != oneshot.Interrupted || report.ExitCode != 3 || stdout.text != "up\nin good order\n" {
		t.Errorf("%+v, %v, stdout %q", report, err, stdout.text)
	}
	r.gone(report.ID)
}

// notifier calls on at the first write.
type notifier struct {
	once sync.Once
	on   func()
	text string
}

func (n *notifier) Write(p []byte) (int, error) {
	n.text += string(p)
	n.once.Do(n.on)
	return len(p), nil
}

func TestMuchOutput(t *testing.T) { underEach(t, muchOutput) }

func muchOutput(t *testing.T, r rig) {
	spec := python(`
import sys
for i in range(200): sys.stdout.write("%07d\n" % i * (1 << 17))
sys.stdout.write("the end\n")`)
	spec.Output = 1 << 20
	res := r.fine(r.run(spec, ""))
	if len(res.out) > 1<<20+300 || !strings.HasPrefix(res.out, "0000000\n") || !strings.HasSuffix(res.out, "0000199\nthe end\n") {
		t.Errorf("%d bytes of stdout: %.20q…", len(res.out), res.out)
	}
	if res.Stdout.Bytes != 200<<20+8 || res.Stdout.Dropped != res.Stdout.Bytes-1<<20 {
		t.Errorf("stdout: %+v", res.Stdout)
	}
	if !strings.Contains(res.out, fmt.Sprintf("[envctl: %d bytes of stdout left out here", res.Stdout.Dropped)) {
		t.Error("no note of what is left out")
	}
	if info, err := os.Stat(res.Stdout.Raw); err != nil || info.Size() != oneshot.RawLimit {
		t.Errorf("raw: %v, %v", info, err)
	}
	if res.Usage.PeakMemory == 0 || res.Usage.CPUSeconds == 0 {
		t.Errorf("usage: %+v", res.Usage)
	}
}

func TestTwentyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			spec := python(fmt.Sprintf(`
import sys
print(%d, sys.stdin.read())
open("/out/n", "w").write("%d")
sys.exit(%d)`, i, i, i))
			spec.Out = filepath.Join(r.dir, fmt.Sprint(i))
			res := r.run(spec, fmt.Sprint("in", i))
			n, err := os.ReadFile(filepath.Join(spec.Out, "n"))
			if res.failed != nil || res.ExitCode != i || res.out != fmt.Sprintf("%d in%d\n", i, i) || err != nil || string(n) != fmt.Sprint(i) {
				t.Errorf("run %d: %v, exit status %d, stdout %q, file %q, stderr %q", i, res.failed, res.ExitCode, res.out, n, res.err)
			}
			r.gone(res.ID)
		})
	}
	group.Wait()
	if ids, err := r.deps.IDs(); err != nil || len(ids) != 20 {
		t.Errorf("%d records, %v", len(ids), err)
	}
}
