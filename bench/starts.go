package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// timeStarts times programs that only start, look and end.
func (r *report) timeStarts(ctx context.Context, o options, dir string) error {
	var list []*single
	home := privateHome(filepath.Join(dir, "envctl"))
	if compose := filepath.Join(o.bin, "docker-compose"); r.have(o, "docker-compose") {
		list = append(list, &single{Name: "docker-compose version", args: []string{compose, "version"}})
		if docker, err := exec.LookPath("docker"); err != nil {
			r.Missing = append(r.Missing, "`docker compose`: no docker CLI on PATH, so `docker-compose` is compared with")
		} else if config, err := pluginConfig(dir, compose); err != nil {
			return err
		} else {
			list = append(list, &single{Name: "docker compose version", args: []string{docker, "compose", "version"}, env: []string{"DOCKER_CONFIG=" + config}})
		}
	}
	if r.have(o, "envctl") {
		bin := filepath.Join(o.bin, "envctl")
		list = append(list, &single{Name: "envctl version", args: []string{bin, "version"}, env: home})
		if _, err := os.Stat(o.example); err != nil {
			r.Missing = append(r.Missing, "envctl check: "+err.Error())
		} else {
			list = append(list, &single{Name: "envctl check", args: []string{bin, "check", "-f", o.example}, env: home})
		}
	}
	for _, x := range list {
		if strings.HasPrefix(x.Name, "docker compose") || x.Name == "envctl version" {
			_, out, err := execute(ctx, x.env, x.args)
			if err != nil {
				return err
			}
			first, _, _ := strings.Cut(string(out), "\n")
			r.Versions[x.Name] = strings.TrimSpace(first)
		}
	}
	// Starts are short: more samples cost nothing.
	err := timeSingles(ctx, list, 4*o.rounds)
	r.Singles = append(r.Singles, list...)
	return err
}

// composeCommand returns how Compose is called in the timed runs, and what it
// needs in its environment.
func composeCommand(o options, dir string) (command, env []string, err error) {
	compose := filepath.Join(o.bin, "docker-compose")
	if !o.front {
		return []string{compose}, nil, nil
	}
	docker, err := exec.LookPath("docker")
	if err != nil {
		return nil, nil, fmt.Errorf("-front needs the docker CLI: %w", err)
	}
	config, err := pluginConfig(dir, compose)
	return []string{docker, "compose"}, []string{"DOCKER_CONFIG=" + config}, err
}

// pluginConfig returns a folder for DOCKER_CONFIG in which the docker CLI finds
// the Compose that is measured and nothing else.
func pluginConfig(dir, compose string) (string, error) {
	config := filepath.Join(dir, "docker-config")
	plugins := filepath.Join(config, "cli-plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return "", err
	}
	err := os.Symlink(compose, filepath.Join(plugins, "docker-compose"))
	if errors.Is(err, os.ErrExist) {
		err = nil
	}
	return config, err
}

// timeEmpty times the engines on a program without resources.
func (r *report) timeEmpty(ctx context.Context, o options) error {
	programs := map[string][]string{}
	if r.have(o, "stockbench") && r.have(o, "pulumi") {
		programs["stock"] = []string{filepath.Join(o.bin, "stockbench"), "-pulumi", filepath.Join(o.bin, "pulumi")}
	}
	if r.have(o, "emptyup") {
		programs["envctl"] = []string{filepath.Join(o.bin, "emptyup")}
	}
	list, err := empties(ctx, programs, slices.Sorted(maps.Keys(programs)), o.rounds)
	r.Singles = append(r.Singles, list...)
	return err
}

// timeList times `envctl list` with 1,000 recorded experiments.
func (r *report) timeList(ctx context.Context, o options, dir string) (err error) {
	bin := filepath.Join(o.bin, "envctl")
	if _, err := os.Stat(bin); err != nil {
		return nil // have said so already
	}
	dir = filepath.Join(dir, "list")
	down, err := record(ctx, bin, dir, 1000)
	defer func() {
		_, _, downErr := execute(context.WithoutCancel(ctx), privateHome(dir), down)
		err = errors.Join(err, downErr)
	}()
	if err != nil {
		return err
	}
	list := &single{Name: "envctl list", args: []string{bin, "list"}, env: privateHome(dir)}
	err = timeSingles(ctx, []*single{list}, 2*o.rounds)
	r.Singles = append(r.Singles, list)
	return err
}
