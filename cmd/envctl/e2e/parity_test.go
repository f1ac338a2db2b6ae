package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/targettest"
)

// session is an experiment as the conformance suite has it.
type session struct{ *experiment }

// Name implements [targettest.Session].
func (s session) Name() string { return s.name }

// Write implements [targettest.Session].
func (s session) Write(file string, content []byte, program bool) {
	s.t.Helper()
	mode := os.FileMode(0o644)
	if program {
		mode = 0o755
	}
	path := filepath.Join(s.dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		s.t.Fatal(err)
	}
}

// Files implements [targettest.Session].
func (s session) Files(folder string) map[string]string {
	s.t.Helper()
	out, root := map[string]string{}, os.DirFS(filepath.Join(s.dir, folder))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		out[name] = string(text)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// Envctl implements [targettest.Session].
func (s session) Envctl(args ...string) targettest.Call {
	s.t.Helper()
	c := s.run(args...)
	return targettest.Call{Args: c.args, Stdout: c.stdout, Stderr: c.stderr, Status: c.code}
}

func begin(t testing.TB) targettest.Session {
	x := newExperiment(t, "name: @NAME@\n")
	x.env = append(x.env, "SUITE_TOKEN="+targettest.Token)
	return session{x}
}

// TestParity holds both targets to the same suite, and then to each other: what
// differs is in package targettest by name, and nothing else does.
func TestParity(t *testing.T) {
	var local targettest.Facts
	t.Run("local", func(t *testing.T) {
		local = targettest.Run(t, targettest.Target{Name: "local", Begin: begin})
	})
	t.Run("azure", func(t *testing.T) {
		azure := targettest.Run(t, targettest.Target{
			Name: "azure", Flags: []string{"-t", "azure", "--simulate"}, Up: []string{"--build"}, Begin: begin,
		})
		if diff := cmp.Diff(local, azure); diff != "" {
			t.Errorf("local (-) and azure (+) differ:\n%s", diff)
		}
	})
}
