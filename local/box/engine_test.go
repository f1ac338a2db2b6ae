package box_test

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/isolation"
)

func TestBoxRunsPrograms(t *testing.T) { underEach(t, programs) }

func programs(t *testing.T, r *rig) {
	began := time.Now()
	b := r.create()
	t.Logf("created in %v", time.Since(began))

	began = time.Now()
	if out, res := r.run(b.ID, "echo", "a", "b"); out != "a b\n" || res.ExitCode != 0 || res.Reason != box.Exited {
		t.Errorf("%q, %+v", out, res)
	}
	t.Logf("a program in %v", time.Since(began))
	p, err := r.Start(t.Context(), b.ID, box.Command{Argv: []string{"/tool", "env", "GREETING"}, Env: map[string]string{"GREETING": "hi there"}})
	if err != nil {
		t.Fatal(err)
	}
	r.wait(p)
	if out := string(p.Stdout.Window(0, 100).Head); out != "65532 65532 /workspace /workspace hi there\n" {
		t.Errorf("user, folder and variables: %q", out)
	}
	p = r.start(b.ID, "exit", "7")
	if res := r.wait(p); res.ExitCode != 7 || string(p.Stderr.Window(0, 100).Head) != "leaving\n" {
		t.Errorf("%+v, stderr %q", res, p.Stderr.Window(0, 100).Head)
	}
	p, err = r.Start(t.Context(), b.ID, box.Command{Argv: []string{"/tool", "stdin"}, Stdin: []byte("fed")})
	if err != nil {
		t.Fatal(err)
	}
	r.wait(p)
	if out := string(p.Stdout.Window(0, 100).Head); out != "fed" {
		t.Errorf("stdin came back as %q", out)
	}
	p, err = r.Start(t.Context(), b.ID, box.Command{Argv: []string{"/missing"}})
	if err != nil {
		t.Fatal(err)
	}
	if res := r.wait(p); res.Err == nil || res.ExitCode != 127 {
		t.Errorf("a program that is not there: %+v", res)
	}
	if out, _ := r.run(b.ID, "interfaces"); strings.TrimSpace(out) != "lo" {
		t.Errorf("interfaces %q, expected lo alone", out)
	}
}

// What a program started ends with it, and what a call started ends when it is
// cancelled, whatever it did to get away.
func TestNothingOutlivesItsCall(t *testing.T) { underEach(t, outlived) }

func outlived(t *testing.T, r *rig) {
	b := r.create()

	_, res := r.run(b.ID, "escape")
	if res.ExitCode != 0 || res.Left == 0 {
		t.Errorf("a program that left others behind: %+v", res)
	}
	r.alone(b.ID)

	for _, what := range []string{"sleep", "deaf", "daemon"} {
		p := r.start(b.ID, what)
		r.says(p, map[string]string{"sleep": "sleeping", "deaf": "deaf", "daemon": "started"}[what])
		began := time.Now()
		if err := p.Kill(t.Context(), box.Cancelled); err != nil {
			t.Fatal(err)
		}
		if res := p.Result(); res.Reason != box.Cancelled || res.Signal != 9 || res.ExitCode != 137 {
			t.Errorf("%s: %+v", what, res)
		}
		t.Logf("%s killed in %v", what, time.Since(began))
		r.alone(b.ID)
	}

	p, err := r.Start(t.Context(), b.ID, box.Command{Argv: []string{"/tool", "deaf"}, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if res := r.wait(p); res.Reason != box.TimedOut || res.Duration > 5*time.Second {
		t.Errorf("a program over its time: %+v", res)
	}
	r.alone(b.ID)

	p = r.start(b.ID, "sleep")
	r.says(p, "sleeping")
	p.Terminate()
	if res := r.wait(p); res.Signal != 15 || res.Reason != box.Exited {
		t.Errorf("a program that was asked to end: %+v", res)
	}
}

// A program can kill what watches over it, which ends everything in the box, and
// it cannot kill process 1; under gVisor it can, and so end its own box.
func TestHostileProgramsEnd(t *testing.T) { underEach(t, hostile) }

func hostile(t *testing.T, r *rig) {
	b := r.create()
	switch _, res := r.run(b.ID, "regicide"); {
	case r.isolated.Level == isolation.GVisor:
		// There process 1 is as mortal as others; the box ends with it, and nothing else.
		if res.Reason != box.Lost {
			t.Errorf("the end of process 1: %+v", res)
		}
		b = r.create()
	case res.ExitCode != 0:
		t.Errorf("signals to process 1: %+v", res)
	}
	if res := r.wait(r.start(b.ID, "patricide")); res.Reason != box.Lost || res.ExitCode != 137 {
		t.Errorf("a program that killed its watch: %+v", res)
	}
	r.alone(b.ID)
	p := r.start(b.ID, "bomb")
	time.Sleep(500 * time.Millisecond)
	if err := p.Kill(t.Context(), box.Cancelled); err != nil {
		t.Fatal(err)
	}
	r.alone(b.ID)
	out, res := r.run(b.ID, "echo", "still here")
	if r.isolated.Level == isolation.GVisor && res.Reason == box.Lost {
		// Its kernel runs within the limits of the box, and ends where no process is left to
		// it; the next box is none the worse.
		out, res = r.run(r.create().ID, "echo", "still here")
	}
	if out != "still here\n" {
		t.Errorf("after the bomb: %q, %+v", out, res)
	}
}

func TestOutputIsCapped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.create()
	const size = 5 << 20
	p := r.start(b.ID, "spam", "5242880")
	r.wait(p)
	w := p.Stdout.Window(0, 1000)
	if total := p.Stdout.Total(); total != size+9 || w.Total != total || w.Omitted != total-1000 {
		t.Errorf("%d bytes, window of %d, %d left out", total, w.Total, w.Omitted)
	}
	if !strings.HasPrefix(string(w.Head), "FIRST") || !strings.HasSuffix(string(w.Tail), "LAST") || len(w.Head)+len(w.Tail) != 1000 {
		t.Errorf("head %.20q, tail of %d bytes", w.Head, len(w.Tail))
	}
	if got := p.Stdout.At(size, 100); !strings.HasSuffix(string(got), "LAST") {
		t.Errorf("the end of the whole: %q", got)
	}
}

func TestFiles(t *testing.T) { underEach(t, files) }

func files(t *testing.T, r *rig) {
	b := r.create()
	ctx := t.Context()
	content := []byte("#!/bin/sh\necho\n")
	if err := r.Write(ctx, b.ID, "deep/er/run.sh", content, true); err != nil {
		t.Fatal(err)
	}
	got, err := r.Read(ctx, b.ID, "/workspace/deep/er/run.sh", 0, 0)
	if err != nil || string(got.Content) != string(content) || got.Size != int64(len(content)) {
		t.Errorf("%q of %d, %v", got.Content, got.Size, err)
	}
	if got, err = r.Read(ctx, b.ID, "deep/er/run.sh", 2, 3); err != nil || string(got.Content) != "/bi" {
		t.Errorf("a part: %q, %v", got.Content, err)
	}
	if _, err := r.Read(ctx, b.ID, "none", 0, 0); !errors.Is(err, box.ErrNotFound) {
		t.Errorf("a file that is not there: %v", err)
	}
	// What a program planted leads nowhere.
	for _, link := range [][2]string{
		{"/proc/self/root/etc", "/workspace/a"}, {"/", "/workspace/b"}, {"../../etc", "/workspace/c"}, {"/proc/1/root", "/workspace/d"},
		{"b", "/workspace/e"}, {"f", "/workspace/f"}, {"deep", "/workspace/g"}, {"../deep/er/run.sh", "/workspace/deep/h"},
	} {
		r.run(b.ID, "link", link[0], link[1])
	}
	r.run(b.ID, "pipe", "/workspace/pipe")
	for _, name := range []string{
		"", "..", "../etc/passwd", "/etc/passwd", "/workspace/../etc/passwd", "/proc/self/root/tool", "/proc/self/environ",
		"/workspace//x", "/workspace/", "a/passwd", "b/tool", "c/passwd", "d/tool", "e/tool", "b/etc/hosts", "f", "f/x", "pipe", "/workspace", "x\x00y", "/workspaces/x",
	} {
		if got, err := r.Read(ctx, b.ID, name, 0, 0); err == nil {
			t.Errorf("read %q: %.40q", name, got.Content)
		}
		if name == "pipe" || name == "f" {
			continue // a file takes its place
		}
		if err := r.Write(ctx, b.ID, name, []byte("x"), false); err == nil {
			t.Errorf("wrote %q", name)
		}
	}
	// A link that stays in the folder for files is as good as what it leads to.
	for _, name := range []string{"g/er/run.sh", "g/h"} {
		if got, err := r.Read(ctx, b.ID, name, 0, 0); err != nil || string(got.Content) != string(content) {
			t.Errorf("%s: %q, %v", name, got.Content, err)
		}
	}
	if err := r.Write(ctx, b.ID, "g/new/file", []byte("x"), false); err != nil {
		t.Error(err)
	}
	// A link in the place of the file is replaced, not written through.
	r.run(b.ID, "write", "/workspace/target", "safe")
	r.run(b.ID, "link", "/workspace/target", "/workspace/alias")
	if err := r.Write(ctx, b.ID, "alias", []byte("new"), false); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Read(ctx, b.ID, "target", 0, 0); err != nil || string(got.Content) != "safe" {
		t.Errorf("the target of a link: %q, %v", got.Content, err)
	}
	if out, _ := r.run(b.ID, "fill", "/workspace/big"); !strings.Contains(out, "no space left") {
		t.Errorf("a disk without an end: %q", out)
	}
}

func TestFetch(t *testing.T) { underEach(t, fetched) }

func fetched(t *testing.T, r *rig) {
	b := r.create()
	for name, text := range map[string]string{"out/a.txt": "one", "out/sub/b.txt": "two"} {
		if err := r.Write(t.Context(), b.ID, name, []byte(text), false); err != nil {
			t.Fatal(err)
		}
	}
	r.run(b.ID, "link", "/etc/passwd", "/workspace/out/link")
	r.run(b.ID, "pipe", "/workspace/out/pipe")
	r.run(b.ID, "link", "/", "/workspace/away")
	dir := t.TempDir()
	to, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	sum, err := r.Fetch(t.Context(), b.ID, "out", to, untar.Limits{})
	if err != nil || sum.Files != 2 || sum.Folders != 1 || sum.Skipped != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "sub", "b.txt")); err != nil || string(text) != "two" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := r.Fetch(t.Context(), b.ID, "out", to, untar.Limits{Files: 1}); err == nil {
		t.Error("more files than allowed came out")
	}
	for _, from := range []string{"away", "none", "/etc", "out/a.txt", "../"} {
		if sum, err := r.Fetch(t.Context(), b.ID, from, to, untar.Limits{}); err == nil {
			t.Errorf("fetched %q: %+v", from, sum)
		}
	}
}

func TestParallelCreationsLoseNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const boxes = 20
	r.Most = boxes
	errs := make(chan error, boxes+5)
	for range boxes + 5 {
		go func() {
			s := r.spec()
			s.Memory, s.Storage = 48<<20, 4<<20
			_, err := r.Create(context.WithoutCancel(t.Context()), s)
			errs <- err
		}()
	}
	refused := 0
	for range boxes + 5 {
		if err := <-errs; err != nil {
			refused++
			if !strings.Contains(err.Error(), "as many as are allowed") {
				t.Error(err)
			}
		}
	}
	list, err := r.List(t.Context())
	if err != nil || len(list) != boxes || refused != 5 {
		t.Errorf("%d boxes, %d refused, %v", len(list), refused, err)
	}
	for _, b := range list {
		if !b.Running {
			t.Errorf("%s does not run", b.ID)
		}
	}
	if err := r.DestroyAll(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	r.nothingLeft()
}

func (r *rig) nothingLeft() {
	r.t.Helper()
	left, err := r.Engine.Leftovers(r.t.Context(), map[string]string{dockertest.Label: r.Labels[dockertest.Label], box.LabelKind: box.Kind})
	if err != nil || left.Count() != 0 {
		r.t.Errorf("left over: %+v, %v", left, err)
	}
}

func TestCreationThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.spec()
	s.Runtime = "no-such-runtime"
	if b, err := r.Create(t.Context(), s); err == nil {
		t.Errorf("created %+v", b)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { time.Sleep(50 * time.Millisecond); cancel() }()
	if b, err := r.Create(ctx, r.spec()); !errors.Is(err, context.Canceled) {
		t.Errorf("created %+v, %v", b, err)
	}
	r.nothingLeft()
	if list, err := r.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestReapTakesWhatHasNoOwnerOrNoTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := &box.Manager{
		Engine: r.Engine, Owner: "here/other", Gone: r.Gone, Labels: r.Labels, Most: 5, Now: time.Now,
	}
	mine := r.create()
	theirs, err := other.Create(t.Context(), r.spec())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Status(t.Context(), theirs.ID); !errors.Is(err, box.ErrNotFound) {
		t.Errorf("another's box is seen: %v", err)
	}
	if gone, err := r.Destroy(t.Context(), theirs.ID); gone || err != nil {
		t.Errorf("another's box was destroyed: %v, %v", gone, err)
	}
	if boxes, err := r.Reap(t.Context()); err != nil || strings.Contains(strings.Join(boxes, " "), theirs.ID) {
		t.Errorf("reaped %q, %v", boxes, err)
	}
	r.Gone = func(owner string) bool { return owner == "here/other" }
	// Boxes of other tests may be among them whose time is over.
	if boxes, err := r.Reap(t.Context()); err != nil || !slices.Contains(boxes, theirs.ID) || slices.Contains(boxes, mine.ID) {
		t.Errorf("reaped %q, %v, expected %s and not %s", boxes, err, theirs.ID, mine.ID)
	}
	for range 2 {
		if _, err := r.Destroy(t.Context(), mine.ID); err != nil {
			t.Error(err)
		}
	}
	r.nothingLeft()
}

// A box ends at its deadline although nobody is there to end it.
func TestBoxEndsAtItsDeadline(t *testing.T) { underEach(t, deadline) }

func deadline(t *testing.T, r *rig) {
	s := r.spec()
	s.TTL = 12 * time.Second // making the box takes some of it on a busy machine
	b, err := r.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p := r.start(b.ID, "deaf")
	if res := r.wait(p); res.Reason != box.TimedOut && res.Reason != box.Expired {
		t.Errorf("a program at the deadline of its box: %+v", res)
	}
	filter := docker.Filter{Labels: map[string]string{box.LabelBox: b.ID}, Running: true}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		list, err := r.Engine.Containers(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the box still runs")
		}
	}
	if list, err := r.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	r.nothingLeft()
}

// A box whose time is over before it was made is no box, and no crash: a watch that
// reaps meanwhile may have taken its place.
func TestBoxThatExpiresWhileItIsMade(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var watch sync.WaitGroup
	watch.Go(func() {
		for ctx.Err() == nil {
			if _, err := r.Reap(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	for range 3 {
		s := r.spec()
		s.TTL = 300 * time.Millisecond // cut to whole seconds it may be over at once
		b, err := r.Create(t.Context(), s)
		if err == nil && !b.Expires.After(time.Now().Add(-time.Second)) {
			t.Errorf("%+v", b)
		}
	}
	cancel()
	watch.Wait()
	if _, err := r.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := r.Engine.Leftovers(t.Context(), map[string]string{box.LabelOwner: r.Owner}); err != nil || list.Count() != 0 {
		t.Errorf("left: %+v, %v", list, err)
	}
}

// What is too long to be asked for is refused, and what runs in the box runs on.
func TestTooLongIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.create()
	other := r.start(b.ID, "sleep")
	r.says(other, "sleeping")
	for name, c := range map[string]box.Command{
		"an argument":   {Argv: []string{"/tool", "echo", strings.Repeat("x", 5<<20)}},
		"escaped signs": {Argv: []string{"/tool", "echo", strings.Repeat("\x01", 1<<20)}},
		"a variable":    {Argv: []string{"/tool"}, Env: map[string]string{"A": strings.Repeat("x", 5<<20)}},
		"a folder":      {Argv: []string{"/tool"}, Dir: "/" + strings.Repeat("x", 5<<20)},
	} {
		if p, err := r.Start(t.Context(), b.ID, c); err == nil {
			t.Errorf("%s: %+v", name, r.wait(p))
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
	if _, err := r.Read(t.Context(), b.ID, strings.Repeat("x", 5<<20), 0, 0); err == nil || len(err.Error()) > 1000 {
		t.Errorf("a path: %.100v", err)
	}
	if p := r.start(b.ID, "echo", strings.Repeat("x", 120<<10)); r.wait(p).ExitCode != 0 {
		t.Errorf("what the kernel takes: %+v", p.Result())
	}
	if other.Ended() {
		t.Errorf("another program of the box was ended: %+v", other.Result())
	}
}

// No label that means something to envctl comes from a box's image.
func TestLabelsOfAnImage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made, err := r.Engine.AddLayer(t.Context(), docker.LayerSpec{
		Base: r.image.ID, Tag: "envctl-boxtest/" + strings.TrimPrefix(r.Owner, "here/") + ":labels", Making: r.Labels,
		Labels: map[string]string{dockertest.Label: r.Labels[dockertest.Label], "dev.envctl.ready": "x", "dev.envctl.experiment": "victim", "dev.envctl.run": "y"},
		Write:  func(w io.Writer) error { return tar.NewWriter(w).Close() },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := r.spec()
	s.Image = made.ID
	b, err := r.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Engine.Containers(t.Context(), docker.Filter{Labels: map[string]string{box.LabelBox: b.ID}})
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	for name, value := range found[0].Labels {
		if (name == "dev.envctl.ready" || name == "dev.envctl.experiment" || name == "dev.envctl.run") && value != "" {
			t.Errorf("label %s=%s", name, value)
		}
	}
}

// A box can be destroyed in the midst of anything: what goes on in it ends, and
// nothing of it is left.
func TestDestroyInTheMidst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.create()
	var busy sync.WaitGroup
	var mu sync.Mutex
	var programs []*box.Program
	stop := time.Now().Add(20 * time.Second)
	for i := range 4 {
		busy.Go(func() {
			for time.Now().Before(stop) {
				p, err := r.Start(t.Context(), b.ID, box.Command{Argv: []string{"/tool", "spam", "2000000"}})
				if err == nil {
					mu.Lock()
					programs = append(programs, p)
					mu.Unlock()
					_ = p.Stdout.Window(0, 1000)
					_ = p.Kill(t.Context(), box.Cancelled)
					err = r.Write(t.Context(), b.ID, "f"+string(rune('a'+i)), make([]byte, 1<<20), false)
				}
				if err == nil {
					_, err = r.Read(t.Context(), b.ID, "f"+string(rune('a'+i)), 0, 0)
				}
				if _, gone := r.Known(b.ID); gone != nil {
					return
				}
				if err != nil {
					t.Errorf("before the end: %v", err)
					return
				}
			}
		})
	}
	time.Sleep(1500 * time.Millisecond)
	var once sync.WaitGroup
	found := make([]bool, 4)
	for i := range found { // of many who destroy it one does
		once.Go(func() {
			var err error
			if found[i], err = r.Destroy(t.Context(), b.ID); err != nil {
				t.Error(err)
			}
		})
	}
	once.Wait()
	busy.Wait()
	if n := slices.Index(found, true); n < 0 || slices.Contains(found[n+1:], true) {
		t.Errorf("destroyed: %v", found)
	}
	if time.Now().After(stop) {
		t.Error("calls go on in a box that is gone")
	}
	for _, p := range programs {
		r.wait(p)
	}
	if left, err := r.Engine.Leftovers(t.Context(), map[string]string{box.LabelBox: b.ID}); err != nil || left.Count() != 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}
