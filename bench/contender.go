package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// contender is one way to bring the workload up and down, as command lines. Its
// files are in a folder of its own.
type contender struct {
	name string
	// label is what its containers carry, as the engine's label filter takes it.
	label string
	env   []string // on top of the environment
	up    func(n int) []string
	again bool // a second up is worth timing
	down  func(n int) []string
}

// newBare is this program as the bare API client, p(n) containers at a time.
func newBare(self string, p func(n int) int) contender {
	line := func(verb string) func(int) []string {
		return func(n int) []string {
			return []string{self, "bare", verb, "-n", strconv.Itoa(n), "-p", strconv.Itoa(p(n))}
		}
	}
	return contender{name: "bare", label: bareLabel, up: line("up"), down: line("down")}
}

// newCompose is Compose as the command line says: `docker-compose`, the program
// of its own, or `docker compose`, with the docker CLI in front of it.
func newCompose(command, env []string, dir string, sizes []int) (contender, error) {
	const project = "envctl-bench-compose"
	file, err := writeEach(dir, "compose.yaml", sizes, func(n int) any { return composeFile(n) })
	if err != nil {
		return contender{}, err
	}
	line := func(verb ...string) func(int) []string {
		return func(n int) []string {
			return slices.Concat(command, []string{"-p", project, "-f", file(n)}, verb)
		}
	}
	return contender{
		name: "compose", label: "com.docker.compose.project=" + project, again: true, env: env,
		up: line("up", "-d"), down: line("down"),
	}, nil
}

// newEnvctl is envctl with all it keeps in dir. Every size is an experiment of
// its own, as it is for somebody who starts with n containers.
func newEnvctl(bin, dir string, sizes []int) (contender, error) {
	file, err := writeEach(dir, "envctl.yaml", sizes, func(n int) any { return definition(envctlName, n) })
	if err != nil {
		return contender{}, err
	}
	line := func(verb string) func(int) []string {
		return func(n int) []string { return []string{bin, verb, "-f", file(n)} }
	}
	return contender{
		name: "envctl", label: "dev.envctl.experiment=" + envctlName, again: true, env: privateHome(dir),
		up: line("up"), down: line("down"),
	}, nil
}

// envctlName is the experiment's name.
const envctlName = "envctl-bench"

// privateHome keeps a program's state, configuration and caches in dir.
func privateHome(dir string) []string {
	return []string{
		"HOME=" + dir,
		"XDG_STATE_HOME=" + filepath.Join(dir, "state"),
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(dir, "cache"),
		"XDG_DATA_HOME=" + filepath.Join(dir, "data"),
	}
}

// writeEach writes dir/N/name for every size as JSON, which is YAML too, and
// returns where it is.
func writeEach(dir, name string, sizes []int, content func(n int) any) (func(n int) string, error) {
	path := func(n int) string { return filepath.Join(dir, fmt.Sprint(n), name) }
	for _, n := range sizes {
		data, err := json.MarshalIndent(content(n), "", "  ")
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(path(n)), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path(n), data, 0o644); err != nil {
			return nil, err
		}
	}
	return path, nil
}
