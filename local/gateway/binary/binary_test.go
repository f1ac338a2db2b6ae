package binary_test

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"runtime"
	"testing"

	"github.com/envctl/envctl/local/gateway/binary"
	"github.com/envctl/envctl/local/gateway/binary/compile"
)

const (
	gateway = ".." // local/gateway
	mend    = "run go generate ./local/gateway/binary and commit what it writes"
)

// The hash of the source is checked with every toolchain.
func TestProgramsAreOfThisSource(t *testing.T) {
	t.Parallel()
	m, err := binary.ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	source, err := compile.Source(gateway)
	if err != nil {
		t.Fatal(err)
	}
	if m.Source != source {
		t.Errorf("the programs are of source %s, the source is %s: %s", m.Source, source, mend)
	}
}

// The same toolchain must give the very same bytes.
func TestProgramsCanBeBuiltAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the gateway for two architectures")
	}
	t.Parallel()
	m, err := binary.ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.Go != runtime.Version() {
		t.Skipf("the programs are of %s, this is %s", m.Go, runtime.Version())
	}
	for _, arch := range compile.Arches() {
		program, err := compile.Program(t.Context(), gateway, arch)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(program)
		if got, want := hex.EncodeToString(sum[:]), m.Programs[arch].SHA256; got != want {
			t.Errorf("%s: built %s, committed %s: %s", arch, got, want, mend)
		}
	}
}

func TestProgramsAreSmallAndOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	m, err := binary.ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range compile.Arches() {
		program, err := binary.For(arch)
		if err != nil {
			t.Fatal(err)
		}
		content, err := program.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if most := 7_000_000; len(content) > most || int64(len(content)) != program.Size {
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
		if len(info.Deps) > 0 || info.GoVersion != m.Go || settings["GOARCH"] != arch || settings["CGO_ENABLED"] != "0" {
			t.Errorf("%s: built by %s with %v and modules %v, expected %s, no cgo, no modules", arch, info.GoVersion, settings, info.Deps, m.Go)
		}
	}
}
