package carry_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/envctl/envctl/carry"
)

const content = "the program"

// set is a set of one program for amd64 with files of its own.
func set(t *testing.T, change func(fstest.MapFS)) carry.Set {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	manifest, err := json.Marshal(carry.Manifest{Programs: map[string]carry.Record{
		"amd64": {SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		carry.ManifestFile: {Data: manifest}, carry.FileName("tool", "amd64"): {Data: packed.Bytes()},
	}
	change(files)
	return carry.Set{Name: "tool", Files: files, Mend: "go generate ./tool"}
}

func load(s carry.Set, arch string) (string, error) {
	p, err := s.For(arch)
	if err != nil {
		return "", err
	}
	got, err := p.Bytes()
	return string(got), err
}

func TestBytes(t *testing.T) {
	t.Parallel()
	if got, err := load(set(t, func(fstest.MapFS) {}), "amd64"); err != nil || got != content {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatIsDamagedIsSaid(t *testing.T) {
	t.Parallel()
	file := carry.FileName("tool", "amd64")
	tests := map[string]struct {
		change func(fstest.MapFS)
		arch   string
		want   string
	}{
		"another architecture": {func(fstest.MapFS) {}, "riscv64", `architecture "riscv64": the tool is built for amd64 and arm64 only`},
		"no manifest":          {func(f fstest.MapFS) { delete(f, carry.ManifestFile) }, "amd64", "does not exist"},
		"a manifest of nothing": {func(f fstest.MapFS) { f[carry.ManifestFile].Data = []byte("{") }, "amd64",
			"manifest of the tool's programs"},
		"no program": {func(f fstest.MapFS) { delete(f, file) }, "amd64", "does not exist"},
		"not packed": {func(f fstest.MapFS) { f[file].Data = []byte(content) }, "amd64", "program " + file},
		"cut":        {func(f fstest.MapFS) { f[file].Data = f[file].Data[:20] }, "amd64", "program " + file},
		"another hash": {func(f fstest.MapFS) {
			f[carry.ManifestFile].Data = bytes.Replace(f[carry.ManifestFile].Data, []byte(`"sha256":"`), []byte(`"sha256":"0`), 1)
		}, "amd64", "run go generate ./tool"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(set(t, tt.change), tt.arch); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, expected %q", err, tt.want)
			}
		})
	}
}
