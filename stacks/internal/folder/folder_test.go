package folder_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/envctl/envctl/stacks/internal/folder"
)

func open(t *testing.T, dir string) *blob.Bucket {
	t.Helper()
	b, err := blob.OpenBucket(t.Context(), folder.URL(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestObjectsAreFiles(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	b := open(t, dir)
	for key, content := range map[string]string{".pulumi/a/x.json": "1", ".pulumi/a/y.json": "22", ".pulumi/b.json": ""} {
		if err := b.WriteAll(ctx, key, []byte(content), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.WriteAll(ctx, ".pulumi/a/x.json", []byte("new"), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Copy(ctx, ".pulumi/a/x.json.bak", ".pulumi/a/x.json", nil); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{".pulumi/a/x.json", ".pulumi/a/x.json.bak"} {
		if got, err := b.ReadAll(ctx, key); err != nil || string(got) != "new" {
			t.Errorf("%s = %q, %v", key, got, err)
		}
	}
	want := []string{".pulumi/a/x.json", ".pulumi/a/x.json.bak", ".pulumi/a/y.json", ".pulumi/b.json"}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %q", got)
	}
	if info, err := os.Stat(filepath.Join(dir, want[0])); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: expected a file for its owner alone", info.Mode(), err)
	}
	var listed []string
	for list := b.List(&blob.ListOptions{Prefix: ".pulumi/a/", Delimiter: "/"}); ; {
		obj, err := list.Next(ctx)
		if err != nil {
			break
		}
		listed = append(listed, obj.Key)
	}
	if !slices.Equal(listed, want[:3]) {
		t.Errorf("listed %q", listed)
	}
	if err := b.Delete(ctx, want[3]); err != nil {
		t.Error(err)
	}
	if ok, err := b.Exists(ctx, want[3]); ok || err != nil {
		t.Errorf("deleted and still there: %v", err)
	}
	if _, err := b.ReadAll(ctx, want[3]); gcerrors.Code(err) != gcerrors.NotFound {
		t.Errorf("%v is not found", err)
	}
}

func TestWritesThatMustNotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.WriteAll(t.Context(), "a", []byte("1"), nil); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	w, err := b.NewWriter(ended, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("2")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := w.Close(); err == nil {
		t.Error("a write that was cancelled is no error")
	}
	if err := b.WriteAll(t.Context(), "a", []byte("3"), &blob.WriterOptions{IfNotExist: true}); gcerrors.Code(err) != gcerrors.FailedPrecondition {
		t.Errorf("a second object of the name: %v", err)
	}
	if err := b.WriteAll(t.Context(), "b", []byte("4"), &blob.WriterOptions{IfNotExist: true}); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"../out", "/abs", "a/../../out", "with space", "a//b", "a\x00"} {
		if err := b.WriteAll(t.Context(), key, []byte("5"), nil); err == nil {
			t.Errorf("%q was written", key)
		}
	}
	if got := files(t, dir); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("files %q", got)
	}
	if got, err := b.ReadAll(t.Context(), "a"); err != nil || string(got) != "1" {
		t.Errorf("a = %q, %v", got, err)
	}
}

// A file that may not grow is as good as a full disk, and needs no root.
func TestAFullDiskLeavesTheObjectAsItWas(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.WriteAll(t.Context(), "a", []byte("as it was"), nil); err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	err := b.WriteAll(t.Context(), "a", make([]byte, 64<<10), nil)
	copied := b.Copy(t.Context(), "b", "a", nil)
	if restore := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); restore != nil {
		t.Fatal(restore)
	}
	if err == nil || copied != nil {
		t.Errorf("a write beyond the limit: %v; one within: %v", err, copied)
	}
	if got, err := b.ReadAll(t.Context(), "a"); err != nil || string(got) != "as it was" {
		t.Errorf("a has %d bytes, %v", len(got), err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("files %q", got)
	}
}
