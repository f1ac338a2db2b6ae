package source_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	gofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tonistiigi/fsutil"

	"github.com/envctl/envctl/local/docker/source"
)

func write(t testing.TB, name, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// sample is a context that the hash cases below change.
func sample(t testing.TB) source.Recipe {
	t.Helper()
	dir, extra := t.TempDir(), t.TempDir()
	write(t, dir+"/Dockerfile", "FROM scratch\n", 0o644)
	write(t, dir+"/.dockerignore", "*.log\nnode_modules\n!keep.log\n", 0o644)
	write(t, dir+"/src/main.go", "package main", 0o644)
	write(t, dir+"/keep.log", "k", 0o644)
	write(t, dir+"/drop.log", "d", 0o644)
	write(t, dir+"/node_modules/x/y", "big", 0o644)
	write(t, extra+"/data/a.csv", "1", 0o600)
	if err := os.Symlink("main.go", dir+"/src/link"); err != nil {
		t.Fatal(err)
	}
	return source.Recipe{
		Context: dir, Target: "t", Args: map[string]string{"A": "1", "B": "2"},
		Files: map[string]string{extra + "/data": "/data"},
	}
}

func hash(t testing.TB, r source.Recipe) string {
	t.Helper()
	h, err := r.Hash(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(h) != 71 || !strings.HasPrefix(h, "sha256:") {
		t.Fatalf("hash = %q", h)
	}
	return h
}

// The same files elsewhere, older and with another umask on ignored ones, give
// the same hash; the value itself must not change between versions.
func TestHashIsStable(t *testing.T) {
	t.Parallel()
	one, two := sample(t), sample(t)
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"Dockerfile", "src/main.go", "src", "."} {
		if err := os.Chtimes(filepath.Join(two.Context, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := hash(t, one), hash(t, two); a != b {
		t.Errorf("%s and %s", a, b)
	}
	const golden = "sha256:49bc605d548adad84268ccb05945de899332aad869b5da2af6452293e2b26225"
	if got := hash(t, one); got != golden {
		t.Errorf("hash = %s, want %s: a change makes every image be built anew", got, golden)
	}
	linked := one
	linked.Context = filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(one.Context, linked.Context); err != nil {
		t.Fatal(err)
	}
	if a, b := hash(t, one), hash(t, linked); a != b {
		t.Errorf("through a link: %s and %s", a, b)
	}
}

func TestHashChanges(t *testing.T) {
	t.Parallel()
	at := func(r *source.Recipe, name string) string { return filepath.Join(r.Context, name) }
	extra := func(r *source.Recipe) string {
		for src := range r.Files {
			return src
		}
		return ""
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, r *source.Recipe)
		same   bool
	}{
		"content":    {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "src/main.go"), "package other", 0o644) }},
		"same size":  {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "src/main.go"), "package mine", 0o644) }},
		"mode":       {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "src/main.go"), "package main", 0o755) }},
		"new file":   {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "new"), "", 0o644) }},
		"new folder": {change: func(t *testing.T, r *source.Recipe) { _ = os.Mkdir(at(r, "newdir"), 0o755) }},
		"renamed":    {change: func(t *testing.T, r *source.Recipe) { _ = os.Rename(at(r, "src"), at(r, "source")) }},
		"link target": {change: func(t *testing.T, r *source.Recipe) {
			_ = os.Remove(at(r, "src/link"))
			_ = os.Symlink("x", at(r, "src/link"))
		}},
		"Dockerfile":          {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "Dockerfile"), "FROM scratch\n\n", 0o644) }},
		"ignore file":         {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, ".dockerignore"), "", 0o644) }},
		"own ignore file":     {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "Dockerfile.dockerignore"), "src\n", 0o644) }},
		"target":              {change: func(_ *testing.T, r *source.Recipe) { r.Target = "" }},
		"argument":            {change: func(_ *testing.T, r *source.Recipe) { r.Args = map[string]string{"A": "1", "B": "3"} }},
		"argument's name":     {change: func(_ *testing.T, r *source.Recipe) { r.Args = map[string]string{"A": "1", "C": "2"} }},
		"no argument":         {change: func(_ *testing.T, r *source.Recipe) { r.Args = map[string]string{"A": "1"} }},
		"added content":       {change: func(t *testing.T, r *source.Recipe) { write(t, extra(r)+"/a.csv", "2", 0o600) }},
		"added place":         {change: func(_ *testing.T, r *source.Recipe) { r.Files = map[string]string{extra(r): "/data2"} }},
		"added program":       {change: func(t *testing.T, r *source.Recipe) { write(t, extra(r)+"/a.csv", "1", 0o700) }},
		"kept by exception":   {change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "keep.log"), "changed", 0o644) }},
		"ignored content":     {same: true, change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "drop.log"), "changed", 0o644) }},
		"ignored file":        {same: true, change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "other.log"), "", 0o644) }},
		"ignored folder":      {same: true, change: func(t *testing.T, r *source.Recipe) { write(t, at(r, "node_modules/z"), "", 0o644) }},
		"added permissions":   {same: true, change: func(t *testing.T, r *source.Recipe) { write(t, extra(r)+"/a.csv", "1", 0o664) }},
		"named Dockerfile":    {same: true, change: func(_ *testing.T, r *source.Recipe) { r.Dockerfile = "Dockerfile" }},
		"absolute Dockerfile": {same: true, change: func(_ *testing.T, r *source.Recipe) { r.Dockerfile = filepath.Join(r.Context, "Dockerfile") }},
	} {
		r := sample(t)
		before := hash(t, r)
		c.change(t, &r)
		if after := hash(t, r); (before == after) != c.same {
			t.Errorf("%s: the hash is the same: %v", name, before == after)
		}
	}
}

func TestHashErrors(t *testing.T) {
	t.Parallel()
	r := sample(t)
	write(t, r.Context+"/.dockerignore", "[", 0o644)
	if _, err := r.Hash(t.Context()); err == nil || !strings.Contains(err.Error(), ".dockerignore") {
		t.Errorf("error = %v", err)
	}
	r = sample(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Hash(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	r.Files = map[string]string{"/dev/null": "/x"}
	if _, err := r.Hash(t.Context()); err == nil || !strings.Contains(err.Error(), "neither a file") {
		t.Errorf("error = %v", err)
	}
}

func TestLayerTar(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a.csv", "12345", 0o600)
	write(t, dir+"/tree/run", "#!", 0o700)
	write(t, dir+"/tree/"+strings.Repeat("long/", 40)+"x", "y", 0o600)
	if err := os.Symlink("run", dir+"/tree/link"); err != nil {
		t.Fatal(err)
	}
	r := source.Recipe{Files: map[string]string{dir + "/a.csv": "/data/a.csv", dir + "/tree": "/opt/tree"}}
	layer, err := r.Layer()
	if err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	n, err := layer.WriteTo(&one)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := layer.Size(); err != nil || size != n || int(n) != one.Len() {
		t.Errorf("size %d (%v), written %d", size, err, n)
	}
	if _, err := layer.WriteTo(&two); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Errorf("written twice and not the same (%v)", err)
	}
	var got []string
	for tr := tar.NewReader(&one); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.ModTime.Year() != 1980 || h.Uname != "" {
			t.Errorf("%+v", h)
		}
		if !strings.Contains(h.Name, "long") {
			got = append(got, fmt.Sprintf("%s %o %s", h.Name, h.Mode, h.Linkname))
		}
	}
	want := "data/ 755 |data/a.csv 644 |opt/ 755 |opt/tree/ 755 |opt/tree/link 777 run|opt/tree/run 755 "
	if strings.Join(got, "|") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "|"), want)
	}
	// A file that changes its size while it is read is an error, not a broken tar.
	write(t, dir+"/a.csv", "1", 0o600)
	if _, err := layer.WriteTo(io.Discard); err == nil || !strings.Contains(err.Error(), "changed while") {
		t.Errorf("error = %v", err)
	}
}

func TestLayerConflicts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a", "", 0o600)
	write(t, dir+"/b", "", 0o600)
	for want, files := range map[string]map[string]string{
		"is added twice":           {dir + "/a": "/x", dir + "/b": "/x"},
		"which is added as a file": {dir + "/a": "/x", dir + "/b": "/x/y"},
		"not a clean absolute":     {dir + "/a": "x"},
		"not an absolute path":     {"a": "/x"},
	} {
		if _, err := (source.Recipe{Files: files}).Layer(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", files, err)
		}
	}
}

func TestFileSystems(t *testing.T) {
	t.Parallel()
	r := sample(t)
	write(t, r.Context+"/secret/x", "", 0o600)
	fs, err := r.DockerfileFS()
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, fs); got != ".dockerignore Dockerfile" {
		t.Errorf("the Dockerfile's folder shows %q", got)
	}
	fs = source.TextFile("Dockerfile", "FROM x")
	if got := list(t, fs); got != "Dockerfile" {
		t.Errorf("%q", got)
	}
	f, err := fs.Open("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(f); err != nil || string(data) != "FROM x" {
		t.Errorf("%q %v", data, err)
	}
	if _, err := fs.Open("other"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}

func list(t *testing.T, fs fsutil.FS) string {
	t.Helper()
	var names []string
	err := fs.Walk(t.Context(), "/", func(p string, _ gofs.DirEntry, err error) error {
		names = append(names, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// FuzzIgnore holds that the hash depends on nothing but the files that an ignore
// file keeps: content that it drops changes nothing, and two passes agree.
func FuzzIgnore(f *testing.F) {
	f.Add("*.log\n!keep.log", "keep.log")
	f.Add("**\n!src/**", "src/a/b")
	f.Add("a/*/c\n#x\n/b", "a/b/c")
	f.Add("[a-", "x")
	f.Fuzz(func(t *testing.T, ignore, name string) {
		clean := filepath.Clean("/" + name)
		if len(clean) > 100 || strings.ContainsRune(clean, 0) || clean == "/" {
			t.Skip()
		}
		dir := t.TempDir()
		file := filepath.Join(dir, clean)
		if os.MkdirAll(filepath.Dir(file), 0o755) != nil || os.WriteFile(file, []byte("1"), 0o644) != nil {
			t.Skip()
		}
		write(t, dir+"/Dockerfile", "FROM scratch\n", 0o644)
		write(t, dir+"/.dockerignore", ignore, 0o644)
		r := source.Recipe{Context: dir}
		one, err := r.Hash(t.Context())
		again, errAgain := r.Hash(t.Context())
		if one != again || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q (%v), then %q (%v)", one, err, again, errAgain)
		}
		if err != nil || clean == "/Dockerfile" || strings.HasSuffix(clean, ".dockerignore") {
			return
		}
		sum := sha256.Sum256([]byte(one))
		write(t, file, string(sum[:]), 0o644)
		changed, err := r.Hash(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if kept := sees(t, r, clean[1:]); kept == (changed == one) {
			t.Errorf("%q with ignore file %q: kept %v, hash changed %v", clean, ignore, kept, changed != one)
		}
	})
}

// sees asks the library that BuildKit uses whether a file is sent.
func sees(t *testing.T, r source.Recipe, name string) bool {
	t.Helper()
	kept, err := source.Kept(r)
	if err != nil {
		t.Fatal(err)
	}
	return kept[name]
}

func BenchmarkHash10kFiles(b *testing.B) {
	dir := b.TempDir()
	write(b, dir+"/Dockerfile", "FROM scratch\n", 0o644)
	for i := range 10_000 {
		write(b, fmt.Sprintf("%s/d%d/f%d", dir, i/100, i), strings.Repeat(fmt.Sprint(i), 500), 0o644)
	}
	for b.Loop() {
		if _, err := (source.Recipe{Context: dir}).Hash(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
