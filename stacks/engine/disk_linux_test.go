package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// A full disk is a file system of a few hundred kilobytes; making one takes root.
// Pulumi tries a write again for half a minute.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=700"); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	w := newWorld()
	e := newEngine(t, dir, withWorld(w))
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	w.hook = func() { fill(t, filepath.Join(dir, "fill")) }
	began := time.Now()
	_, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}, thing{name: "b", do: "hook"}, thing{name: "c"}), stacks.Options{})
	t.Logf("%v: %v", time.Since(began), err)
	var unwritten *engine.RecordError
	if !errors.As(err, &unwritten) || !strings.Contains(err.Error(), "cannot be recorded") ||
		!strings.Contains(err.Error(), "no space left on device") || !strings.Contains(unwritten.Hint(), "has room") {
		t.Errorf("up on a full disk: %v", err)
	}
	if failed := (*engine.ResourceError)(nil); errors.As(err, &failed) && failed.Reason() != "" {
		t.Errorf("up on a full disk: %q", failed.Reason())
	}
	if err := os.Remove(filepath.Join(dir, "fill")); err != nil {
		t.Fatal(err)
	}
	if got := recorded(t, dir, ref); !slices.Contains(got, "a") {
		t.Errorf("the state before is lost: %v", got)
	}
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}, thing{name: "b"}), stacks.Options{}); err != nil {
		t.Errorf("up with room again: %v", err)
	}
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
}
