package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // opens file:// as Pulumi's backend does

	"github.com/envctl/envctl/stacks/state"
)

// env is an environment of its own.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestOpenFindsTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		env  func(string) string
		want string
	}{
		"own":          {env("ENVCTL_STATE_DIR", dir+"/own", "XDG_STATE_HOME", dir+"/xdg", "HOME", dir), dir + "/own"},
		"XDG":          {env("XDG_STATE_HOME", dir+"/xdg", "HOME", dir), dir + "/xdg/envctl"},
		"relative XDG": {env("XDG_STATE_HOME", "xdg", "HOME", dir), dir + "/.local/state/envctl"},
		"home":         {env("HOME", dir), dir + "/.local/state/envctl"},
	} {
		d, err := state.Open(tt.env)
		if err != nil || d.Path() != tt.want {
			t.Errorf("%s: %v, %v", name, d, err)
			continue
		}
		for _, path := range []string{d.Path(), d.WorkDir(), d.Derived()} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %s has mode %v, %v", name, path, info.Mode(), err)
			}
		}
		if err := d.Writable(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, "public")
	if err := os.Mkdir(public, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(public, 0o777); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		env        func(string) string
		want, hint string
	}{
		"no home":            {env(), "HOME is not set", "ENVCTL_STATE_DIR"},
		"a file":             {env("ENVCTL_STATE_DIR", file), "not a directory", "ENVCTL_STATE_DIR"},
		"open to everybody":  {env("ENVCTL_STATE_DIR", public), "0777", "chmod 0700"},
		"a read-only system": {env("ENVCTL_STATE_DIR", "/proc/envctl"), "/proc/envctl", "ENVCTL_STATE_DIR"},
	}
	if os.Geteuid() == 0 {
		others := filepath.Join(dir, "others")
		if err := os.Mkdir(others, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(others, 1234, 1234); err != nil {
			t.Fatal(err)
		}
		tests["of another user"] = struct {
			env        func(string) string
			want, hint string
		}{env("ENVCTL_STATE_DIR", others), "it belongs to user 1234, and this is user 0", "as user 1234"}
	}
	for name, tt := range tests {
		_, err := state.Open(tt.env)
		var dirErr *state.DirError
		if !errors.As(err, &dirErr) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(dirErr.Hint(), tt.hint) {
			t.Errorf("%s: %v; %s", name, err, dirErr.Hint())
		}
	}
}

// A full disk is a file system of a few kilobytes; making one takes root.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700"); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	d, err := state.Open(env("ENVCTL_STATE_DIR", dir))
	if err != nil {
		t.Fatal(err)
	}
	save(t, d, record(1))
	fill, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer fill.Close()
	for err == nil {
		_, err = fill.Write(make([]byte, 1024))
	}
	changed := record(1)
	changed.File = "changed"
	err = d.Save(changed)
	var dirErr *state.DirError
	if !errors.As(err, &dirErr) || !strings.Contains(dirErr.Hint(), "free some space") {
		t.Errorf("saving to a full disk: %v", err)
	}
	if err := d.Writable(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk is writable: %v", err)
	}
	if got, ok, err := d.Load(changed.Ref); !ok || err != nil || got.File == "changed" {
		t.Errorf("the record before is lost: %+v, %v, %v", got, ok, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "records", ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	readOnly(t, dir)
	err = d.Save(changed)
	if !errors.As(err, &dirErr) || !strings.Contains(dirErr.Hint(), "make it writable") {
		t.Errorf("saving to a read-only disk: %v", err)
	}
	if _, err := d.Lock(t.Context(), changed.Ref, state.LockOptions{}); !errors.As(err, &dirErr) {
		t.Errorf("locking on a read-only disk: %v", err)
	}
	d, err = state.Open(env("ENVCTL_STATE_DIR", dir))
	if err != nil {
		t.Fatalf("a read-only folder does not open: %v", err)
	}
	if list, err := d.List(); len(list) != 1 || err != nil {
		t.Errorf("%d records, %v", len(list), err)
	}
}

func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		// The file that fills the disk is still open; a bind mount can be read-only beside it.
		if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBackendURL(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b%20c?d#é")
	if d, err := state.Open(env("ENVCTL_STATE_DIR", dir, "ENVCTL_BACKEND_URL", "s3://bucket")); err != nil || d.BackendURL() != "s3://bucket" {
		t.Error(err)
	}
	d, err := state.Open(env("ENVCTL_STATE_DIR", dir))
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := blob.OpenBucket(context.Background(), d.BackendURL()+"?no_tmp_dir=true")
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	if err := bucket.WriteAll(context.Background(), "probe", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pulumi", "probe")); err != nil {
		t.Errorf("%s is not the folder's own: %v", d.BackendURL(), err)
	}
}
