// Package carrytest has the tests that every package with carried programs makes
// of them.
package carrytest

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"runtime"
	"testing"

	"github.com/envctl/envctl/carry"
	"github.com/envctl/envctl/carry/compile"
)

// Programs holds that the programs of a package binary, whose folder is in dir, are of
// the source there, that they can be built again, and that they have at most so many
// bytes, no cgo, and no modules but these.
func Programs(t *testing.T, set carry.Set, dir string, most int, modules ...string) {
	t.Helper()
	t.Parallel()
	t.Run("of this source", func(t *testing.T) {
		t.Parallel()
		ofThisSource(t, set, dir)
	})
	t.Run("built again", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			t.Skipf("builds the %s for two architectures", set.Name)
		}
		builtAgain(t, set, dir)
	})
	t.Run("small and static", func(t *testing.T) {
		t.Parallel()
		smallAndStatic(t, set, most, modules...)
	})
}

// ofThisSource fails unless the programs are of the source in dir. It holds with
// every toolchain.
func ofThisSource(t *testing.T, set carry.Set, dir string) {
	t.Helper()
	source, err := compile.Specs()[set.Name].Source(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m := manifest(t, set); m.Source != source {
		t.Errorf("the programs are of source %s, the source is %s: %s", m.Source, source, mend(set))
	}
}

// builtAgain fails unless the same toolchain gives the very same bytes.
func builtAgain(t *testing.T, set carry.Set, dir string) {
	t.Helper()
	m := manifest(t, set)
	if m.Go != runtime.Version() {
		t.Skipf("the programs are of %s, this is %s", m.Go, runtime.Version())
	}
	for _, arch := range compile.Arches() {
		program, err := compile.Specs()[set.Name].Program(t.Context(), dir, arch)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(program)
		if got, want := hex.EncodeToString(sum[:]), m.Programs[arch].SHA256; got != want {
			t.Errorf("%s: built %s, committed %s: %s", arch, got, want, mend(set))
		}
	}
}

// smallAndStatic fails unless the programs have at most so many bytes, no cgo, and
// no modules but these.
func smallAndStatic(t *testing.T, set carry.Set, most int, modules ...string) {
	t.Helper()
	m := manifest(t, set)
	for _, arch := range compile.Arches() {
		program, err := set.For(arch)
		if err != nil {
			t.Fatal(err)
		}
		content, err := program.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > most || int64(len(content)) != program.Size {
			t.Errorf("%s: %d bytes, manifest says %d, expected at most %d", arch, len(content), program.Size, most)
		}
		info, err := buildinfo.Read(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		var deps []string
		for _, d := range info.Deps {
			deps = append(deps, d.Path)
		}
		if len(deps) != len(modules) || info.GoVersion != m.Go || settings["GOARCH"] != arch || settings["CGO_ENABLED"] != "0" {
			t.Errorf("%s: built by %s with %v and modules %v, expected %s, no cgo, modules %v", arch, info.GoVersion, settings, deps, m.Go, modules)
		}
		for i := range min(len(deps), len(modules)) {
			if deps[i] != modules[i] {
				t.Errorf("%s: module %s, expected %s", arch, deps[i], modules[i])
			}
		}
	}
}

func manifest(t *testing.T, set carry.Set) carry.Manifest {
	t.Helper()
	m, err := set.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mend(set carry.Set) string { return "run " + set.Mend + " and commit what it writes" }
