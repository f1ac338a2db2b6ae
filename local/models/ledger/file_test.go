package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/models/ledger"
)

// workerArg makes this test program a process that calls until it is killed.
const workerArg = "ledger-worker"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == workerArg {
		work(context.Background(), os.Args[2], os.Args[3])
		return
	}
	os.Exit(m.Run())
}

// work makes calls that cost up to a tenth of the budget and says on stdout what
// each cost once it is settled.
func work(ctx context.Context, path, self string) {
	l := ledger.Open(path, ledger.Options{Now: at(noon), Self: self, Alive: func(string) bool { return true }})
	for range 25 {
		r, err := l.Reserve(ctx, call(1, true))
		if err != nil {
			continue
		}
		time.Sleep(time.Millisecond)
		if _, err := r.Settle(ctx, ledger.Usage{Prompt: 7e5}); err == nil {
			_, _ = os.Stdout.WriteString("paid\n")
		}
	}
}

func TestManyProcessesNeverOverspend(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := path(t)
	var outs []*bytes.Buffer
	var all []*exec.Cmd
	for _, name := range []string{"a", "b", "c", "d"} {
		cmd, out := exec.Command(self, workerArg, p, name), &bytes.Buffer{}
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all, outs = append(all, cmd), append(outs, out)
	}
	paid := 0
	for i, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		paid += strings.Count(outs[i].String(), "paid")
	}
	got := totals(t, p, noon)
	// 13 calls of 0.7 fit: the 14th might have taken 1 more.
	if c := got.Models["chat"]; int(c.Calls) != paid || got.Spent > ledger.Units(10) || paid != 13 || c.Calls+c.Refused != 100 {
		t.Errorf("%d paid: %+v", paid, got)
	}
}

// A process that is killed at any instant leaves a ledger that can be read and goes on.
func TestAKilledProcessLeavesASoundLedger(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		p := path(t)
		cmd := exec.Command(self, workerArg, p, "killed")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(10+3*i) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		l := openAt(t, p, ledger.Options{Alive: func(owner string) bool { return owner != "killed" }})
		before := totals(t, p, noon)
		if before.Spent > ledger.Units(10) {
			t.Errorf("%+v", before)
		}
		r, err := l.Reserve(t.Context(), call(1, false))
		if err != nil {
			t.Fatal(err)
		}
		settle(t, r, 1e6, 0)
		if got := totals(t, p, noon); got.Reserved != 0 || got.Spent != before.Spent.Add(before.Reserved).Add(ledger.Units(1)) {
			t.Errorf("before %+v, after %+v", before, got)
		}
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	p := path(t)
	l := openAt(t, p, ledger.Options{})
	for range 3 {
		settle(t, reserve(t, l, call(1, true)), 1e6, 0)
	}
	sound, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(sound)
	flipped[len(flipped)/2] ^= 1
	for name, test := range map[string]struct {
		content []byte
		spent   float64
		damaged bool
	}{
		"half a line":          {sound[:len(sound)-5], 2, false},
		"zeros at the end":     {append(bytes.Clone(sound), make([]byte, 4096)...), 3, false},
		"a bad last line":      {append(bytes.Clone(sound), "00000000 {}\n"...), 3, false},
		"nothing":              {nil, 0, false},
		"a bit in the middle":  {flipped, 0, true},
		"a later kind of line": {append(bytes.Clone(sound), lineOf(t, `{"kind":"later"}`)...), 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := filepath.Join(t.TempDir(), "ledger")
			if err := os.WriteFile(p, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			got, readErr := ledger.Read(p, noon)
			r, err := openAt(t, p, ledger.Options{}).Reserve(t.Context(), call(1, true))
			var damaged *ledger.DamagedError
			if test.damaged {
				if !errors.As(err, &damaged) || !errors.As(readErr, &damaged) {
					t.Errorf("%v and %v, expected that it is damaged", readErr, err)
				}
				return
			}
			if err != nil || readErr != nil || got.Spent != ledger.Units(test.spent) {
				t.Fatalf("%+v, %v, %v", got, readErr, err)
			}
			settle(t, r, 1e6, 0)
			if got := totals(t, p, noon); got.Spent != ledger.Units(test.spent+1) {
				t.Errorf("then %+v", got)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("00000000 {}\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := filepath.Join(t.TempDir(), "ledger")
		if json.Valid(raw) { // with a checksum that fits
			raw = lineOf(t, string(raw))
		}
		if err := os.WriteFile(p, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Read(p, noon); err != nil {
			return
		}
		r, err := openAt(t, p, ledger.Options{}).Reserve(t.Context(), call(0, false))
		if err != nil {
			t.Fatalf("it can be read but not kept: %v", err)
		}
		if _, err := r.Settle(t.Context(), ledger.Usage{}); err != nil {
			t.Fatal(err)
		}
	})
}

// lineOf gives a JSON value its checksum.
func lineOf(t *testing.T, value string) []byte {
	t.Helper()
	value = strings.ReplaceAll(value, "\n", " ")
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE([]byte(value)), value)
}
