package untar_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker/untar"
)

type entry struct {
	tar.Header
	content string
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.Typeflag == 0 {
			e.Typeflag = tar.TypeReg
		}
		e.Size = int64(len(e.content))
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// target is a folder to unpack into, beside a file that must stay as it is.
func target(t testing.TB) (root *os.Root, dir string) {
	t.Helper()
	top := t.TempDir()
	if err := os.WriteFile(filepath.Join(top, "victim"), []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(top, "out")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root, dir
}

// sound says that nothing but plain files and folders is in dir and that the
// file beside it is whole.
func sound(t testing.TB, dir string) {
	t.Helper()
	top := filepath.Dir(dir)
	if data, err := os.ReadFile(filepath.Join(top, "victim")); err != nil || string(data) != "whole" {
		t.Fatalf("the file outside: %q %v", data, err)
	}
	if list, err := os.ReadDir(top); err != nil || len(list) != 2 {
		t.Fatalf("outside: %v %v", list, err)
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if m := info.Mode(); !m.IsDir() && !m.IsRegular() || m&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0 || m&0o022 != 0 {
			return fmt.Errorf("%s has mode %v", p, m)
		}
		if st := info.Sys().(*syscall.Stat_t); info.Mode().IsRegular() && st.Nlink != 1 {
			return fmt.Errorf("%s has %d links", p, st.Nlink)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestExtract(t *testing.T) {
	t.Parallel()
	root, dir := target(t)
	then := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	sum, err := untar.Extract(bytes.NewReader(archive(t,
		entry{Header: tar.Header{Name: "out/", Typeflag: tar.TypeDir, Mode: 0o700}},
		entry{Header: tar.Header{Name: "out/empty/", Typeflag: tar.TypeDir, Mode: 0o777}},
		entry{Header: tar.Header{Name: "out/a/b/c.txt", Mode: 0o666, ModTime: then}, content: "abc"},
		entry{Header: tar.Header{Name: "out/run", Mode: 0o6755, Uid: 7, Gid: 7}, content: "#!"},
		entry{Header: tar.Header{Name: "out/run", Mode: 0o755}, content: "#!/bin/sh"},
	)), root, untar.Limits{})
	if err != nil || sum.Files != 3 || sum.Folders != 1 || sum.Bytes != 14 || sum.Skipped != 0 {
		t.Fatalf("%+v %v", sum, err)
	}
	sound(t, dir)
	info, err := os.Stat(filepath.Join(dir, "a/b/c.txt"))
	if err != nil || info.Mode() != 0o644 || !info.ModTime().Equal(then) {
		t.Errorf("%v %v", info, err)
	}
	info, err = os.Stat(filepath.Join(dir, "run"))
	if err != nil || info.Mode() != 0o755 || info.Size() != 9 || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Getuid()) {
		t.Errorf("%v %v", info, err)
	}
}

func TestExtractLeavesOutWhatIsNoFile(t *testing.T) {
	t.Parallel()
	root, dir := target(t)
	entries := []entry{
		{Header: tar.Header{Name: "o/sym", Typeflag: tar.TypeSymlink, Linkname: "../victim"}},
		{Header: tar.Header{Name: "o/hard", Typeflag: tar.TypeLink, Linkname: "../victim"}},
		{Header: tar.Header{Name: "o/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		{Header: tar.Header{Name: "o/disk", Typeflag: tar.TypeBlock, Devmajor: 8}},
		{Header: tar.Header{Name: "o/pipe", Typeflag: tar.TypeFifo}},
		{Header: tar.Header{Name: "o/sym/below", Mode: 0o644}, content: "x"}, // through the link that was left out
		{Header: tar.Header{Name: "o/sym", Mode: 0o644}, content: "y"},       // in the place of a folder by now
	}
	for i := range 30 {
		entries = append(entries, entry{Header: tar.Header{Name: fmt.Sprintf("o/l%d", i), Typeflag: tar.TypeSymlink, Linkname: "/"}})
	}
	sum, err := untar.Extract(bytes.NewReader(archive(t, entries...)), root, untar.Limits{})
	if err != nil || sum.Skipped != 35 || len(sum.SkippedNames) != 20 || sum.Files != 2 {
		t.Errorf("%+v %v", sum, err)
	}
	sound(t, dir)
}

// What lies in the folder from before is replaced, not followed.
func TestExtractOverLinks(t *testing.T) {
	t.Parallel()
	root, dir := target(t)
	for _, link := range []string{"file", "folder"} {
		if err := os.Symlink(map[string]string{"file": "../victim", "folder": ".."}[link], filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := untar.Extract(bytes.NewReader(archive(t,
		entry{Header: tar.Header{Name: "o/file", Mode: 0o644}, content: "mine"},
		entry{Header: tar.Header{Name: "o/folder/victim", Mode: 0o644}, content: "mine"},
	)), root, untar.Limits{})
	if err != nil || sum.Files != 2 {
		t.Errorf("%+v %v", sum, err)
	}
	sound(t, dir)
}

func TestExtractRefuses(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(archive(t, entry{Header: tar.Header{Name: "o/a"}})); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"above":        archive(t, entry{Header: tar.Header{Name: "../victim"}, content: "x"}),
		"above inside": archive(t, entry{Header: tar.Header{Name: "o/a/../../../victim"}, content: "x"}),
		"harmless ..":  archive(t, entry{Header: tar.Header{Name: "o/a/../b"}, content: "x"}),
		"absolute":     archive(t, entry{Header: tar.Header{Name: "/etc/x"}, content: "x"}),
		"gzip":         zipped.Bytes(),
		"noise":        bytes.Repeat([]byte("noise"), 400),
		"cut short":    archive(t, entry{Header: tar.Header{Name: "o/a"}, content: strings.Repeat("x", 900)})[:1000],
	} {
		root, dir := target(t)
		_, err := untar.Extract(bytes.NewReader(data), root, untar.Limits{})
		if !errors.Is(err, untar.ErrHostile) && !(name == "cut short" && err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		sound(t, dir)
	}
}

func TestExtractLimits(t *testing.T) {
	t.Parallel()
	file := func(name, content string) entry {
		return entry{Header: tar.Header{Name: "o/" + name}, content: content}
	}
	link := func(name string) entry {
		return entry{Header: tar.Header{Name: "o/" + name, Typeflag: tar.TypeSymlink, Linkname: "x"}}
	}
	folder := func(name string) entry { return entry{Header: tar.Header{Name: "o/" + name, Typeflag: tar.TypeDir}} }
	for name, c := range map[string]struct {
		entries []entry
		limits  untar.Limits
		what    string
	}{
		"exactly":       {[]entry{file("a", "12345"), file("b", "12345")}, untar.Limits{Files: 2, Bytes: 10}, ""},
		"bytes":         {[]entry{file("a", "12345"), file("b", "123456")}, untar.Limits{Bytes: 10}, "bytes"},
		"files":         {[]entry{file("a", ""), file("b", ""), file("c", "")}, untar.Limits{Files: 2}, "files and folders"},
		"links count":   {[]entry{link("a"), file("b", ""), link("c")}, untar.Limits{Files: 2}, ""},
		"links":         {[]entry{link("a"), link("b"), link("c")}, untar.Limits{Files: 2}, "links and special files"},
		"folders count": {[]entry{folder("a"), folder("b"), file("c", "")}, untar.Limits{Files: 2}, "files and folders"},
		"deep":          {[]entry{folder(deep(untar.Deepest))}, untar.Limits{}, ""},
		"too deep":      {[]entry{folder(deep(untar.Deepest + 1))}, untar.Limits{}, "folders in one another"},
	} {
		root, dir := target(t)
		sum, err := untar.Extract(bytes.NewReader(archive(t, c.entries...)), root, c.limits)
		var limit *untar.LimitError
		if c.what == "" && err != nil || c.what != "" && (!errors.As(err, &limit) || limit.What != c.what) {
			t.Errorf("%s: %v", name, err)
		}
		if c.limits.Bytes > 0 && sum.Bytes > c.limits.Bytes {
			t.Errorf("%s: %d bytes", name, sum.Bytes)
		}
		sound(t, dir)
	}
}

// deep is a folder in a folder, n of them.
func deep(n int) string { return strings.Repeat("d/", n-1) + "d" }

// A header may promise far more than it holds.
func TestExtractSparseBomb(t *testing.T) {
	t.Parallel()
	root, dir := target(t)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "o/big", Size: 1 << 40, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	endless := strings.NewReader(strings.Repeat("\x00", 1<<20))
	if _, err := endless.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	_, err := untar.Extract(&b, root, untar.Limits{Bytes: 1000})
	var limit *untar.LimitError
	if !errors.As(err, &limit) {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "big")); !os.IsNotExist(err) {
		t.Errorf("the file that is too large stays: %v", err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(archive(f, entry{Header: tar.Header{Name: "o/a/b", Mode: 0o4755}, content: "x"}))
	f.Add(archive(f, entry{Header: tar.Header{Name: "o/l", Typeflag: tar.TypeSymlink, Linkname: ".."}}, entry{Header: tar.Header{Name: "o/l/victim"}, content: "x"}))
	f.Add(archive(f, entry{Header: tar.Header{Name: "./../victim"}, content: "x"}))
	f.Add(archive(f, entry{Header: tar.Header{Name: "o/" + strings.Repeat("n", 300) + "/x"}, content: "x"}))
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, dir := target(t)
		sum, err := untar.Extract(bytes.NewReader(data), root, untar.Limits{Files: 20, Bytes: 4096})
		if sum.Bytes > 4096 || sum.Files+sum.Folders > 20 {
			t.Errorf("more than allowed: %+v (%v)", sum, err)
		}
		sound(t, dir)
	})
}

// What is to be left is, with what is below it.
func TestExtractLeaves(t *testing.T) {
	t.Parallel()
	root, dir := target(t)
	sum, err := untar.Extract(bytes.NewReader(archive(t,
		entry{Header: tar.Header{Name: "o/.git/", Typeflag: tar.TypeDir}},
		entry{Header: tar.Header{Name: "o/.git/config"}, content: "x"},
		entry{Header: tar.Header{Name: "o/a/.x"}, content: "x"},
		entry{Header: tar.Header{Name: "o/a/b.c"}, content: "x"},
	)), root, untar.Limits{Leave: func(name string) bool { return strings.Contains("/"+name, "/.") }})
	if err != nil || sum.Files != 1 || sum.Folders != 0 || strings.Join(sum.SkippedNames, " ") != ".git .git/config a/.x" {
		t.Errorf("%+v, %v", sum, err)
	}
	sound(t, dir)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
