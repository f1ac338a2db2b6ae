package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/fault"
)

// The steps on a simulated Azure that runs in this process, not in envctl's.
const (
	azureOwn     = "envctl up -t azure, the simulator apart"
	azureDelayed = "envctl up -t azure, 2 s a resource"
)

// azureDelay is how long each resource takes in the second of them.
const azureDelay = 2 * time.Second

// wholeStack has every kind of resource of an experiment.
const wholeStack = `name: bench
ttl: 8h
budget: {amount: 50, contacts: [team@example.com], onExceeded: stop}
apps:
  api: {image: %[1]s, ingress: {port: 8080}, models: [chat], secrets: {TOKEN: token}, needs: [store]}
  store: {image: %[1]s, ingress: {port: 8080}}
jobs:
  report: {image: %[1]s, schedule: "0 6 * * *"}
models:
  chat: {model: gpt-4o-mini, version: "2024-07-18", capacity: 1}
secrets:
  token: {generate: 32}
targets:
  azure: {location: swedencentral}
`

// chain is what the whole stack came to.
type chain struct {
	Resources int     `json:"resources"`
	Longest   float64 `json:"longest"` // seconds of its longest chain of dependencies
}

// timeAzureStack times the whole stack against a simulator in this process, so that
// what envctl's process takes is its own: at once, and with a delay for each resource.
func (r *report) timeAzureStack(ctx context.Context, o options, dir string) error {
	if !r.have(o, "envctl") {
		return nil
	}
	image, closeRegistry, err := imageOfNothing()
	if err != nil {
		return err
	}
	defer closeRegistry()
	own, delayed := &single{Name: azureOwn}, &single{Name: azureDelayed}
	for round := range o.rounds {
		for _, x := range []*single{own, delayed} {
			if x == delayed && round > 0 {
				continue // its time is a matter of the delay, not of the machine
			}
			options := armsim.Options{}
			if x == delayed {
				options.Faults = []fault.Fault{{Op: "put", Times: -1, Delay: azureDelay}}
			}
			at := filepath.Join(dir, fmt.Sprintf("azure-stack-%d-%s", round, strings.ReplaceAll(x.Name, " ", "-")))
			s, c, err := upOnce(ctx, filepath.Join(o.bin, "envctl"), at, image, options)
			if err != nil {
				return err
			}
			x.Samples, r.Chain = append(x.Samples, s), c
		}
	}
	for _, x := range []*single{own, delayed} {
		x.Summary = summarize(x.Samples)
		r.Singles = append(r.Singles, x)
	}
	return nil
}

// upOnce brings the whole stack up on a new simulator, and down again.
func upOnce(ctx context.Context, bin, dir, image string, o armsim.Options) (s sample, c *chain, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, nil, err
	}
	file := filepath.Join(dir, "envctl.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, wholeStack, image), 0o600); err != nil {
		return s, nil, err
	}
	sim, err := armsim.New(o)
	if err != nil {
		return s, nil, err
	}
	defer sim.Close()
	if _, err := sim.Start(ctx); err != nil {
		return s, nil, err
	}
	env := append(privateHome(dir), "DOCKER_HOST=unix:///nonexistent")
	for key, value := range sim.Env() {
		env = append(env, key+"="+value)
	}
	line := func(verb string) []string { return []string{bin, verb, "-f", file, "-t", "azure", "--yes"} }
	if s, _, err = execute(ctx, env, line("up")); err != nil {
		return s, nil, err
	}
	if c, err = chainOf(dir); err != nil {
		return s, nil, err
	}
	_, _, err = execute(ctx, env, line("down"))
	return s, c, err
}

// chainOf reads the state below a folder: how many resources Azure has of it, and how
// long its longest chain takes with the delay for each.
func chainOf(dir string) (*chain, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(path, "/stacks/") && strings.HasSuffix(path, ".json") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d states are below %s", len(found), dir)
	}
	raw, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct {
					URN          string   `json:"urn"`
					Type         string   `json:"type"`
					Custom       bool     `json:"custom"`
					Dependencies []string `json:"dependencies"`
				} `json:"resources"`
			} `json:"latest"`
		} `json:"checkpoint"`
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		return nil, fmt.Errorf("%s: %w", found[0], err)
	}
	out, until := &chain{}, map[string]time.Duration{}
	for _, r := range state.Checkpoint.Latest.Resources { // each is after what it depends on
		for _, d := range r.Dependencies {
			until[r.URN] = max(until[r.URN], until[d])
		}
		if r.Custom && strings.HasPrefix(r.Type, "azure-native:") {
			until[r.URN] += azureDelay
			out.Resources++
		}
		out.Longest = max(out.Longest, until[r.URN].Seconds())
	}
	if out.Resources == 0 {
		return nil, errors.New("the state has nothing of Azure")
	}
	return out, nil
}

// imageOfNothing puts an image that runs as nobody into a registry of this process,
// and names it by its digest.
func imageOfNothing() (ref string, closeIt func(), err error) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer func() {
		if err != nil {
			server.Close()
		}
	}()
	file, err := empty.Image.ConfigFile()
	if err != nil {
		return "", nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config.User = "linux", "amd64", "65532"
	image, err := mutate.ConfigFile(empty.Image, file)
	if err != nil {
		return "", nil, err
	}
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/team/app:1")
	if err != nil {
		return "", nil, err
	}
	if err := remote.Write(tag, image); err != nil {
		return "", nil, err
	}
	sum, err := image.Digest()
	return tag.Context().Name() + "@" + sum.String(), server.Close, err
}

// azureStack are the rows of the whole stack.
func (r *report) azureStack(t *table) {
	if own := r.single(azureOwn); own != nil && r.Chain != nil {
		t.absolute(fmt.Sprintf("processor time of envctl a resource, of %d on a simulated Azure", r.Chain.Resources),
			own.CPU*1e3/float64(r.Chain.Resources), "ms", 15, "–")
	}
	if delayed := r.single(azureDelayed); delayed != nil && r.Chain != nil {
		longest := &summary{Median: r.Chain.Longest, Min: r.Chain.Longest, Max: r.Chain.Longest}
		t.compared("up of it with 2 s for each / its longest chain", delayed, longest, delayed, longest, bar{value: 1.1})
	}
}
