package runsc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ConfigFile is where an engine reads its configuration unless it is told of
// another file.
const ConfigFile = "/etc/docker/daemon.json"

// runtime is an entry of an engine's runtimes.
type runtime struct {
	Path        string   `json:"path"`
	RuntimeArgs []string `json:"runtimeArgs,omitempty"`
}

// Add returns a configuration of an engine with runsc at path among its runtimes;
// false where it was there like that already. Everything else in it stays.
func Add(config []byte, path string) ([]byte, bool, error) {
	all, runtimes := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if strings.TrimSpace(string(config)) != "" {
		if err := json.Unmarshal(config, &all); err != nil {
			return nil, false, fmt.Errorf("the engine's configuration is not valid JSON: %w", err)
		}
	}
	if raw, ok := all["runtimes"]; ok {
		if err := json.Unmarshal(raw, &runtimes); err != nil {
			return nil, false, fmt.Errorf("runtimes of the engine's configuration: %w", err)
		}
	}
	var was runtime
	if raw, ok := runtimes[Name]; ok && json.Unmarshal(raw, &was) == nil && was.Path == path &&
		len(was.RuntimeArgs) == 1 && was.RuntimeArgs[0] == Platform {
		return config, false, nil
	}
	var err error
	if runtimes[Name], err = json.Marshal(runtime{path, []string{Platform}}); err != nil {
		return nil, false, err
	}
	if all["runtimes"], err = json.Marshal(runtimes); err != nil {
		return nil, false, err
	}
	out, err := json.MarshalIndent(all, "", "  ")
	return append(out, '\n'), true, err
}

// edit adds runsc to a configuration file, which need not be there. What was there
// is kept beside it with the ending .before-runsc.
func edit(file, path string) (changed bool, err error) {
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	content, changed, err := Add(old, path)
	if err != nil || !changed {
		return false, err
	}
	if old != nil {
		if err := os.WriteFile(file+".before-runsc", old, 0o600); err != nil {
			return false, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return false, err
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	beside := file + ".new"
	if err := os.WriteFile(beside, content, mode); err != nil {
		return false, err
	}
	return true, os.Rename(beside, file)
}
