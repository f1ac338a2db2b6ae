package runsc

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  string
		changed bool
		keeps   []string // in the result
	}{
		"no file":        {"", true, nil},
		"empty":          {"{}", true, nil},
		"other settings": {`{"log-driver": "local", "runtimes": {"kata": {"path": "/k"}}}`, true, []string{`"log-driver": "local"`, `"kata"`, `"/k"`}},
		"another runsc":  {`{"runtimes": {"runsc": {"path": "/old"}}}`, true, nil},
		"as it is": {`{"runtimes": {"runsc": {"path": "/usr/local/bin/runsc", "runtimeArgs": ["--platform=systrap"]}}, "debug": true}`,
			false, []string{`"debug": true`}},
	} {
		out, changed, err := Add([]byte(c.config), Path)
		if err != nil || changed != c.changed {
			t.Errorf("%s: changed %v, %v", name, changed, err)
			continue
		}
		var got struct{ Runtimes map[string]runtime }
		if err := json.Unmarshal(out, &got); err != nil || got.Runtimes[Name].Path != Path || got.Runtimes[Name].RuntimeArgs[0] != Platform {
			t.Errorf("%s: %v, %s", name, err, out)
		}
		for _, part := range c.keeps {
			if !strings.Contains(string(out), part) {
				t.Errorf("%s: lost %s: %s", name, part, out)
			}
		}
		if again, changed, err := Add(out, Path); err != nil || changed || string(again) != string(out) {
			t.Errorf("%s: adding again changes it: %s, %v", name, again, err)
		}
	}
	for _, broken := range []string{"{", `{"runtimes": []}`, "[]"} {
		if _, _, err := Add([]byte(broken), Path); err == nil {
			t.Errorf("%s was taken", broken)
		}
	}
}

func TestEditKeepsTheOldFileAndItsMode(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "etc", "daemon.json")
	if changed, err := edit(file, Path); err != nil || !changed {
		t.Fatalf("a new file: %v, %v", changed, err)
	}
	if err := errors.Join(os.WriteFile(file, []byte(`{"debug": true}`), 0o600), os.Chmod(file, 0o600)); err != nil {
		t.Fatal(err)
	}
	if changed, err := edit(file, Path); err != nil || !changed {
		t.Fatalf("%v, %v", changed, err)
	}
	old, err := os.ReadFile(file + ".before-runsc")
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || string(old) != `{"debug": true}` || info.Mode().Perm() != 0o600 {
		t.Errorf("%s, %v, %v", old, info.Mode(), errors.Join(err, statErr))
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := edit(file, Path); err == nil {
		t.Error("a broken configuration was replaced")
	}
	if kept, _ := os.ReadFile(file); string(kept) != "{" {
		t.Errorf("it is now %s", kept)
	}
}

func TestConfigOf(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"dockerd": ConfigFile, "dockerd --config-file /a -H x": "/a", "dockerd --config-file=/b": "/b",
		"dockerd -config-file": ConfigFile, "dockerd --host config-file": ConfigFile,
	} {
		if got := configOf(strings.Fields(line)); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(other, Name), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, Name), nil, 0o644); err != nil { // not a program
		t.Fatal(err)
	}
	if got, err := Find(dir, other); err != nil || got != filepath.Join(other, Name) && got != Path {
		t.Errorf("%s, %v", got, err)
	}
	if err := os.Chmod(filepath.Join(dir, Name), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(dir, other); err != nil || got != filepath.Join(dir, Name) {
		t.Errorf("%s, %v", got, err)
	}
}

// The version that doctor builds is the one that the tests run with.
func TestVersionIsThatOfBenchGVisor(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../../bench/gvisor/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "gvisor.dev/gvisor "+Version) {
		t.Errorf("bench/gvisor has another version than %s", Version)
	}
}

func TestStepsAreWhole(t *testing.T) {
	t.Parallel()
	text := strings.Join(Steps("/etc/x.json"), "\n")
	for _, part := range []string{Version, "CGO_ENABLED=0", "/etc/x.json", Platform, "HUP"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in:\n%s", part, text)
		}
	}
}
