package state_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

var ref = stacks.Ref{Experiment: "a", Instance: "b", Target: "local"}

// TestMain lets tests start this program again as an envctl that locks.
func TestMain(m *testing.M) {
	if role := os.Getenv("STATE_TEST_ROLE"); role != "" {
		if err := roles[role](); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var roles = map[string]func() error{"hold": hold, "count": count}

// hold locks, says so, and waits to be killed or for its input to end.
func hold() error {
	d, err := state.Open(os.Getenv)
	if err != nil {
		return err
	}
	if _, err := d.Lock(context.Background(), ref, state.LockOptions{Command: "envctl hold"}); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// count adds 1 to a number in a file, slowly, under the lock, as often as it is
// told to. Two at once would lose a count.
func count() error {
	d, err := state.Open(os.Getenv)
	if err != nil {
		return err
	}
	times, err := strconv.Atoi(os.Getenv("STATE_TEST_TIMES"))
	if err != nil {
		return err
	}
	for range times {
		held, err := d.Lock(context.Background(), ref, state.LockOptions{Command: "envctl count", Wait: time.Minute})
		if err != nil {
			return err
		}
		path := filepath.Join(d.Path(), "number")
		text, _ := os.ReadFile(path)
		n, _ := strconv.Atoi(string(text))
		time.Sleep(time.Millisecond)
		if err := os.WriteFile(path+".new", []byte(strconv.Itoa(n+1)), 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil { // whole, wherever the kill comes
			return err
		}
		fmt.Println(n + 1)
		if err := held.Release(); err != nil {
			return err
		}
	}
	return nil
}

// start runs this program in a role on d.
func start(t *testing.T, d *state.Dir, role string, more ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "STATE_TEST_ROLE="+role, "ENVCTL_STATE_DIR="+d.Path()), more...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewReader(stdout)
}

func lock(t *testing.T, d *state.Dir, o state.LockOptions) *state.Held {
	t.Helper()
	held, err := d.Lock(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestLockNamesItsHolderAndLeavesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	held := lock(t, d, state.LockOptions{Command: "envctl up"})
	_, err := d.Lock(t.Context(), ref, state.LockOptions{})
	var locked *state.HeldError
	if !errors.As(err, &locked) || locked.ExitStatus() != 5 {
		t.Fatal(err)
	}
	h := locked.Holder
	if h.PID != os.Getpid() || h.Command != "envctl up" || h.Process != state.Self() || time.Since(h.Since) > time.Minute {
		t.Errorf("holder %+v", h)
	}
	for _, part := range []string{`"envctl up"`, strconv.Itoa(os.Getpid()), "instance b"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %s", err, part)
		}
	}
	other := ref
	other.Instance = "c"
	second, err := d.Lock(t.Context(), other, state.LockOptions{})
	if err != nil {
		t.Fatalf("another stack is locked too: %v", err)
	}
	for _, h := range []*state.Held{held, second, held} {
		if err := h.Release(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(filepath.Join(d.Path(), "locks")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLockWaits(t *testing.T) {
	t.Parallel()
	d := open(t)
	held := lock(t, d, state.LockOptions{Command: "first"})
	var told atomic.Int32
	time.AfterFunc(300*time.Millisecond, func() { _ = held.Release() })
	began := time.Now()
	second := lock(t, d, state.LockOptions{Wait: time.Minute, OnWait: func(h state.Holder) {
		told.Add(1)
		if h.Command != "first" {
			t.Errorf("waits for %s", h)
		}
	}})
	if waited := time.Since(began); told.Load() != 1 || waited < 250*time.Millisecond {
		t.Errorf("told %d times, waited %s", told.Load(), waited)
	}
	defer second.Release()

	began = time.Now()
	if _, err := d.Lock(t.Context(), ref, state.LockOptions{Wait: 200 * time.Millisecond}); !errors.As(err, new(*state.HeldError)) ||
		time.Since(began) < 200*time.Millisecond {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("stop"))
	defer cancel()
	if _, err := d.Lock(ctx, ref, state.LockOptions{Wait: time.Minute}); err == nil || err.Error() != "stop" {
		t.Error(err)
	}
}

func TestLockOfAKilledOwnerIsFree(t *testing.T) {
	t.Parallel()
	d := open(t)
	owner, out := start(t, d, "hold")
	if line, err := out.ReadString('\n'); line != "held\n" {
		t.Fatal(line, err)
	}
	_, err := d.Lock(t.Context(), ref, state.LockOptions{})
	var locked *state.HeldError
	if !errors.As(err, &locked) || locked.Holder.PID != owner.Process.Pid || !strings.Contains(locked.Hint(), fmt.Sprint("kill ", owner.Process.Pid)) {
		t.Fatalf("%v", err)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	held, err := d.Lock(t.Context(), ref, state.LockOptions{})
	if err != nil {
		t.Fatalf("the lock outlives its owner: %v", err)
	}
	if !held.Killed {
		t.Error("nothing says that the holder before was killed")
	}
	if err := held.Release(); err != nil {
		t.Error(err)
	}
	if held = lock(t, d, state.LockOptions{}); held.Killed {
		t.Error("a holder that gave the lock back counts as killed")
	}
	if err := held.Release(); err != nil {
		t.Error(err)
	}
}

// Many processes count under the lock while some of them are killed at random.
// A count that an unkilled process printed must not be printed by another.
func TestLockUnderStress(t *testing.T) {
	t.Parallel()
	d := open(t)
	const processes, times = 12, 15
	var seen sync.Map
	var counted atomic.Int64
	var wg sync.WaitGroup
	for i := range processes {
		cmd, out := start(t, d, "count", fmt.Sprint("STATE_TEST_TIMES=", times))
		doomed := i%3 == 0
		if doomed {
			time.AfterFunc(rand.N(600*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
		wg.Go(func() {
			lines := 0
			for {
				line, err := out.ReadString('\n')
				if err != nil {
					break
				}
				lines++
				if _, err := strconv.Atoi(strings.TrimSpace(line)); err != nil {
					t.Errorf("process %d: %s", i, line)
				}
				if _, twice := seen.LoadOrStore(line, i); twice {
					t.Errorf("count %s was given twice", strings.TrimSpace(line))
				}
			}
			counted.Add(int64(lines))
			if !doomed && lines != times {
				t.Errorf("process %d counted %d of %d", i, lines, times)
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(filepath.Join(d.Path(), "number"))
	if err != nil {
		t.Fatal(err)
	}
	// A process that is killed after writing and before printing loses its line.
	if n, _ := strconv.ParseInt(string(text), 10, 64); n < counted.Load() || n > counted.Load()+processes/3 {
		t.Errorf("counted to %d, %d lines", n, counted.Load())
	}
	held := lock(t, d, state.LockOptions{}) // and nothing is held by the dead
	if err := held.Release(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(d.Path(), "locks")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
