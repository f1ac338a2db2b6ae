package oneshot

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// pack writes inputs and reads the tar again.
func pack(t *testing.T, in *inputs) (map[string]string, error) {
	t.Helper()
	var b bytes.Buffer
	if err := in.write(&b); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir || h.Uid != 0 || h.Gid != 0 || h.Mode&0o222 != 0 || h.Mode&^0o777 != 0 || h.Linkname != "" {
			t.Errorf("%s: %+v", h.Name, h)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(content)
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		make  func(dir string) error // makes dir/in and more
		want  string                 // NAME=CONTENT with commas
		fails string
	}{
		{"a file", func(d string) error { return os.WriteFile(d+"/in", []byte("x"), 0o600) }, "in=x", ""},
		{"set-uid is dropped", func(d string) error {
			return errors.Join(os.WriteFile(d+"/in", []byte("x"), 0o755), os.Chmod(d+"/in", 0o755|os.ModeSetuid))
		}, "in=x", ""},
		{"the path itself is a link", func(d string) error {
			return errors.Join(os.WriteFile(d+"/real", []byte("x"), 0o600), os.Symlink("real", d+"/in"))
		}, "in=x", ""},
		{"a link to a file inside", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), os.WriteFile(d+"/in/a", []byte("x"), 0o600), os.Symlink("a", d+"/in/b"))
		}, "in/=,in/a=x,in/b=x", ""},
		{"a link out", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), os.WriteFile(d+"/secret", []byte("x"), 0o600), os.Symlink("../secret", d+"/in/b"))
		}, "", "leads nowhere or out"},
		{"an absolute link out", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), os.Symlink("/etc/passwd", d+"/in/b"))
		}, "", "leads nowhere or out"},
		{"a link to a folder out", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), os.Symlink("..", d+"/in/b"))
		}, "", "leads nowhere or out"},
		{"a link to nothing", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), os.Symlink("gone", d+"/in/b"))
		}, "", "leads nowhere or out"},
		{"a link to a folder inside", func(d string) error {
			return errors.Join(os.MkdirAll(d+"/in/c", 0o755), os.Symlink("c", d+"/in/b"))
		}, "", "a link to a folder"},
		{"a link to itself", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), os.Symlink("b", d+"/in/b"))
		}, "", "leads nowhere or out"},
		{"a hard link", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), os.WriteFile(d+"/a", []byte("x"), 0o600), os.Link(d+"/a", d+"/in/b"), os.Link(d+"/a", d+"/in/c"))
		}, "in/=,in/b=x,in/c=x", ""},
		{"a pipe", func(d string) error {
			return errors.Join(os.Mkdir(d+"/in", 0o755), syscall.Mkfifo(d+"/in/b", 0o600))
		}, "", "a named pipe"},
		{"missing", func(string) error { return nil }, "", "no such file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := row.make(dir); err != nil {
				t.Fatal(err)
			}
			in, err := newInputs(Spec{Inputs: []string{filepath.Join(dir, "in")}}, nil)
			var got map[string]string
			if err == nil {
				got, err = pack(t, in)
			}
			if row.fails != "" {
				if err == nil || !strings.Contains(err.Error(), row.fails) {
					t.Errorf("packed %v, error %v, want one with %q", got, err, row.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for pair := range strings.SplitSeq(row.want, ",") {
				name, content, _ := strings.Cut(pair, "=")
				want[name] = content
			}
			if len(got) != len(want) {
				t.Errorf("packed %v, want %v", got, want)
			}
			for name, content := range want {
				if is, ok := got[name]; !ok || is != content {
					t.Errorf("packed %v, want %v", got, want)
				}
			}
		})
	}
}

func TestInputsOfOneName(t *testing.T) {
	t.Parallel()
	for _, spec := range []Spec{
		{Inputs: []string{"/a/x", "/b/x"}}, {File: "/a/x.py", Inputs: []string{"/b/x.py"}}, {Inputs: []string{"/"}},
	} {
		if _, err := newInputs(spec, []byte{}); err == nil {
			t.Errorf("%+v was taken", spec)
		}
	}
	if in, err := newInputs(Spec{File: "/a/x.py", Inputs: []string{"/a/x.py"}}, []byte("y")); err != nil || len(in.paths) != 0 {
		t.Errorf("the script as an input: %v", err)
	}
}

// Inputs that are too many are refused while they are read.
func TestInputsAreBounded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "big"))
	if err == nil {
		err = errors.Join(f.Truncate(maxInputBytes+1), f.Close()) // takes no space
	}
	if err != nil {
		t.Fatal(err)
	}
	in, err := newInputs(Spec{Inputs: []string{dir}}, nil)
	if err == nil {
		err = in.write(io.Discard)
	}
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error %v", err)
	}
}
