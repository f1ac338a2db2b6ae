package daemon_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/daemon"
)

// starts are the processes that have served so far.
func starts(t *testing.T, p *daemon.Process) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.Dir, "..", "starts"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(raw))
}

func TestOneProcessForManyStarters(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	if running(t, p) {
		t.Fatal("runs before anything")
	}
	records := make([]daemon.Record, 8)
	var group sync.WaitGroup
	for i := range records {
		group.Go(func() {
			var err error
			if records[i], err = newProcess(serveMode, p.Dir).Start(t.Context(), "1"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(slices.Compact(records)) != 1 || records[0].PID == 0 || records[0].Starting || records[0].Address != "+" || records[0].Mark != "1" {
		t.Errorf("records %+v", records)
	}
	if got := starts(t, p); len(got) != 1 {
		t.Errorf("processes %v have served", got)
	}
	if r, found, err := p.Find(); err != nil || !found || r != records[0] {
		t.Errorf("found %+v, %v, %v", r, found, err)
	}
	if err := p.Stop(t.Context()); err != nil || running(t, p) {
		t.Errorf("after its end: %v", err)
	}
	if r, ok := p.Last(); !ok || r != records[0] {
		t.Errorf("the last one %+v, %v", r, ok)
	}
}

// Started by hand, too, only one of many serves. Who looks meanwhile keeps none away.
func TestOneProcessOfManyByHand(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	if err := os.Mkdir(p.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	ended := make(chan string, 6)
	for range cap(ended) {
		group.Go(func() {
			out, err := exec.Command(p.Command[0], p.Command[1:]...).CombinedOutput()
			if err != nil {
				out = append(out, err.Error()...)
			}
			ended <- string(out)
		})
	}
	for looks := time.Now(); time.Since(looks) < 100*time.Millisecond; {
		running(t, p)
	}
	for range cap(ended) - 1 {
		if said := <-ended; !strings.Contains(said, "serves") || !strings.Contains(said, "already") {
			t.Errorf("one that is not alone says %q", said)
		}
	}
	if !running(t, p) || len(starts(t, p)) != 1 {
		t.Errorf("processes %v have served", starts(t, p))
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	group.Wait()
}

// A killed one is found out, and the next one knows its address.
func TestAKilledProcess(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{serveMode, familyMode} {
		p := process(t, mode)
		before := start(t, p)
		kill(t, before.PID)
		eventually(t, "the end of "+mode, func() bool { return !running(t, p) })
		if after := start(t, p); after.PID == before.PID || after.Address != "++" {
			t.Errorf("%+v, before %+v", after, before)
		}
	}
}

// A number that another program has now is not told to end, whether or not a process
// holds the folder.
func TestAReusedPID(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	p.Patience = 300 * time.Millisecond
	other := sleeper(t)
	writeRecord(t, p.Dir, daemon.Record{PID: other.Process.Pid, Start: "boot/1", Address: "x"})
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	f, err := os.Open(filepath.Join(p.Dir, "serving"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be seen from here") {
		t.Errorf("%v", err)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other program: %v", err)
	}
	_ = f.Close()
	p.Patience = 0
	if r := start(t, p); r.PID == other.Process.Pid || r.Address != "x+" {
		t.Errorf("%+v", r)
	}
}

// What a dead one's file says may be anything.
func TestADamagedRecord(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"", "{", "null", "[]", `{"pid":1}`, `{"pid":-1}`, `{"pid":"x"}`, `{"pid":1,"starting":true}`, strings.Repeat("x", 1<<20),
	} {
		p := process(t, serveMode)
		writeRecord(t, p.Dir, content)
		if running(t, p) {
			t.Errorf("%.20q: runs", content)
		}
		if err := p.Stop(t.Context()); err != nil { // process 1 is not killed
			t.Errorf("%.20q: %v", content, err)
		}
		if r := start(t, p); r.PID <= 1 || r.Starting {
			t.Errorf("%.20q: %+v", content, r)
		}
	}
}

// A living one writes its record again.
func TestADamagedRecordOfALivingProcess(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	before := start(t, p)
	for _, content := range []string{"", "{", `{"pid":1}`, strings.Repeat("x", 1<<20)} {
		writeRecord(t, p.Dir, content)
		eventually(t, "its record", func() bool { r, _ := p.Last(); return r == before })
	}
	writeRecord(t, p.Dir, "{")
	if after := start(t, p); after != before {
		t.Errorf("%+v, before %+v", after, before)
	}
	writeRecord(t, p.Dir, "{")
	if err := p.Stop(t.Context()); err != nil || running(t, p) {
		t.Errorf("%v", err)
	}
}

func TestAnotherMark(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	before := start(t, p)
	if again := start(t, p); again != before {
		t.Errorf("%+v, before %+v", again, before)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "..", "mark"), []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	after, err := p.Start(t.Context(), "2")
	if err != nil || after.PID == before.PID || after.Mark != "2" {
		t.Errorf("%+v, %v, before %+v", after, err, before)
	}
}

func TestAStubbornProcessIsKilled(t *testing.T) {
	t.Parallel()
	p := process(t, stubbornMode)
	start(t, p)
	p.Patience = 200 * time.Millisecond
	if err := p.Stop(t.Context()); err != nil || running(t, p) {
		t.Errorf("%v", err)
	}
}

func TestOneThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	p := process(t, failMode)
	if err := os.Mkdir(p.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "log"), []byte("of before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := p.Start(t.Context(), "1")
	if err == nil || !strings.HasSuffix(err.Error(), "ended at once: no engine [31manswers") || strings.Contains(err.Error(), "before") {
		t.Errorf("%v", err)
	}
	p.Command[0] = filepath.Join(t.TempDir(), "none")
	if _, err := p.Start(t.Context(), "1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
	p.Command[0] = "/bin/false"
	if _, err := p.Start(t.Context(), "1"); err == nil || !strings.Contains(err.Error(), "it says nothing") {
		t.Errorf("one that says nothing: %v", err)
	}
}

// One that does not become ready in time is not left over, be it one's own or another's.
func TestASlowProcess(t *testing.T) {
	t.Parallel()
	p := process(t, slowMode)
	p.Patience = 500 * time.Millisecond
	_, err := p.Start(t.Context(), "1")
	if err == nil || !strings.Contains(err.Error(), "ready within 500ms") || !strings.Contains(err.Error(), "waits for what never comes") {
		t.Errorf("%v", err)
	}
	eventually(t, "its end", func() bool { return !running(t, p) })

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Start(ctx, "1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a starter that gives up: %v", err)
	}
	p.Patience = 5 * time.Second
	eventually(t, "its beginning", func() bool { r, found, _ := p.Find(); return found && r.PID != 0 })
	began := time.Now()
	if err := p.Stop(t.Context()); err != nil || time.Since(began) > p.Patience/2 {
		t.Errorf("%v after %s", err, time.Since(began))
	}

	stale, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, _ = p.Start(stale, "1")
	eventually(t, "its beginning", func() bool { r, found, _ := p.Find(); return found && r.PID != 0 })
	p.Command[1] = serveMode
	p.Patience = 2 * time.Second
	start(t, p)
}

// Who started it may get a Ctrl-C, or be killed: it stays, and is found.
func TestItOutlivesWhoStartedIt(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGKILL} {
		p := process(t, serveMode)
		parent := exec.Command(program(), parentMode, p.Dir)
		parent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := parent.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 8)
		if n, err := out.Read(line); err != nil || string(line[:n]) != "started\n" {
			t.Fatalf("%q, %v", line[:n], err)
		}
		if err := syscall.Kill(-parent.Process.Pid, signal); err != nil { // as a terminal does
			t.Fatal(err)
		}
		_ = parent.Wait()
		r, found, err := p.Find()
		if err != nil || !found {
			t.Fatalf("%s: %v, %v", signal, found, err)
		}
		if session, err := syscall.Getpgid(r.PID); err != nil || session != r.PID {
			t.Errorf("its group is %d, %v", session, err)
		}
		if again := start(t, p); again != r {
			t.Errorf("%s: %+v, before %+v", signal, again, r)
		}
	}
}

func TestARemovedFolderEndsIt(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	r := start(t, p)
	if err := os.RemoveAll(p.Dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", func() bool { return syscall.Kill(r.PID, 0) != nil })
	start(t, p)
	for range 2 {
		if err := p.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(p.Dir); !errors.Is(err, os.ErrNotExist) || running(t, p) {
			t.Errorf("after its removal: %v", err)
		}
	}
}

// Starting, stopping and removing from all sides ends in one process or none.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			own := newProcess(serveMode, p.Dir)
			for range 5 {
				var err error
				switch i {
				case 0:
					err = own.Stop(t.Context())
				case 1:
					err = own.Remove(t.Context())
				default:
					_, err = own.Start(t.Context(), "1")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	r := start(t, p)
	for _, pid := range starts(t, p) {
		if cmdline, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && strings.Contains(string(cmdline), p.Dir) {
			if other := start(t, p); other != r {
				t.Errorf("%+v, then %+v", r, other)
			}
		}
	}
}

func TestPrepareIsFirst(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	refused := errors.New("refused")
	p.Prepare = func() error { return refused }
	if _, err := p.Start(t.Context(), "1"); !errors.Is(err, refused) || running(t, p) {
		t.Errorf("%v", err)
	}
}

func TestALongLogIsPutAside(t *testing.T) {
	t.Parallel()
	p := process(t, failMode)
	if err := os.Mkdir(p.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(p.Dir, "log")
	if err := os.WriteFile(log, make([]byte, 300<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Start(t.Context(), "1")
	if raw, err := os.ReadFile(log); err != nil || !strings.HasPrefix(string(raw), "no engine") {
		t.Errorf("%.20q, %v", raw, err)
	}
	if info, err := os.Stat(log + ".1"); err != nil || info.Size() != 300<<10 {
		t.Errorf("%v, %v", info, err)
	}
}

// Who may only read the folder finds the process, and cannot start one.
func TestAFolderToRead(t *testing.T) {
	t.Parallel()
	p := process(t, serveMode)
	r := start(t, p)
	find := exec.Command("/proc/self/exe", findMode, p.Dir)
	find.Dir = "/"
	const nobody = 65534
	if os.Getuid() == 0 { // who may write everywhere
		if err := os.Chmod(filepath.Dir(filepath.Dir(p.Dir)), 0o711); err != nil {
			t.Fatal(err)
		}
		find.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		for _, name := range []string{"", "serving", "starting"} {
			if err := os.Chown(filepath.Join(p.Dir, name), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, mode := range map[string]os.FileMode{"serving": 0o400, "starting": 0o400, "": 0o500} {
		if err := os.Chmod(filepath.Join(p.Dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	defer os.Chmod(p.Dir, 0o700)                            //nolint:errcheck // the test's own folder
	defer os.Chmod(filepath.Join(p.Dir, "starting"), 0o600) //nolint:errcheck // the same
	if out, err := find.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != strconv.Itoa(r.PID)+" true" {
		t.Errorf("found %q, %v", out, err)
	}
	again := exec.Command(find.Path, parentMode, p.Dir)
	again.Dir, again.SysProcAttr = find.Dir, find.SysProcAttr
	if out, err := again.CombinedOutput(); err == nil || !strings.Contains(string(out), "the test in \""+p.Dir) || !strings.Contains(string(out), "permission denied") {
		t.Errorf("start said %q, %v", out, err)
	}
	none := newProcess(serveMode, "/proc/envctl-test")
	if _, err := none.Start(t.Context(), "1"); err == nil || !strings.Contains(err.Error(), "/proc/envctl-test") {
		t.Errorf("a folder that cannot be made: %v", err)
	}
}

func TestServeNeedsTheFolder(t *testing.T) {
	t.Parallel()
	err := daemon.Serve(t.Context(), filepath.Join(t.TempDir(), "none"), func(context.Context, *daemon.Serving) error { return nil })
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// The watch ends by the caller's word, and a process does not stop itself.
func TestWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	enough := errors.New("enough")
	looks := 0
	err := daemon.Serve(t.Context(), dir, func(ctx context.Context, s *daemon.Serving) error {
		if err := s.Ready("here", ""); err != nil {
			return err
		}
		if err := newProcess(serveMode, dir).Stop(ctx); err == nil || !strings.Contains(err.Error(), "itself") {
			t.Errorf("%v", err)
		}
		other := (*daemon.ServedError)(nil)
		if err := daemon.Serve(ctx, dir, nil); !errors.As(err, &other) || other.Record.PID != os.Getpid() {
			t.Errorf("%v", err)
		}
		return s.Watch(ctx, time.Millisecond, func(context.Context) error {
			if looks++; looks == 3 {
				return enough
			}
			return nil
		})
	})
	if !errors.Is(err, enough) || looks != 3 {
		t.Errorf("%v after %d looks", err, looks)
	}
}
