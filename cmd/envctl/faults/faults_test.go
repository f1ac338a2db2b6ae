package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/cmd/envctl/programtest"
	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/fault"
)

// envctl is the program that is tested.
var envctl string

func TestMain(m *testing.M) { programtest.Main(m, &envctl) }

// definition has every kind of resource of an experiment.
const definition = `name: exp
ttl: 8h
budget: {amount: 50, contacts: [team@example.com], onExceeded: stop}
apps:
  api: {image: %[1]s, ingress: {port: 8080}, models: [chat], secrets: {TOKEN: token}, needs: [store], egress: [api.example.com]}
  store: {image: %[1]s, ingress: {port: 8080}, egress: [api.example.com]}
jobs:
  report: {image: %[1]s, schedule: "0 6 * * *", outputs: /out, egress: [api.example.com]}
models:
  chat: {model: gpt-4o-mini, version: "2024-07-18", capacity: 1}
secrets:
  token: {generate: 32}
targets:
  azure: {location: swedencentral, egress: firewall}
`

// changed is definition after second thoughts: another budget, another model, no job
// and no way out.
const changed = `name: exp
ttl: 8h
budget: {amount: 60, contacts: [team@example.com], onExceeded: stop}
apps:
  api: {image: %[1]s, ingress: {port: 8080}, models: [chat], secrets: {TOKEN: token}, needs: [store]}
  store: {image: %[1]s, ingress: {port: 8080}}
models:
  chat: {model: gpt-4o, version: "2024-11-20", capacity: 1}
secrets:
  token: {generate: 32}
targets:
  azure: {location: swedencentral}
`

// TestSchedules brings an experiment up and down on an Azure that fails, and kills
// either at any instant; whoever comes back gets through, in one of three with a
// changed definition, and nothing is left over.
// ENVCTL_SCHEDULES says how many schedules, ENVCTL_SEED which is the first.
func TestSchedules(t *testing.T) {
	image := publish(t)
	// What exists after an up that nothing goes wrong with, by the definition.
	whole := map[string][]string{definition: exists(t, definition, image), changed: exists(t, changed, image)}
	first := number(t, "ENVCTL_SEED", 1)
	for seed := first; seed < first+number(t, "ENVCTL_SCHEDULES", 12); seed++ {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, image, int64(seed), fault.Random(int64(seed)))
			s.trouble("up")
			last := definition
			if seed%3 == 0 {
				last = changed
				s.define(changed, image)
			}
			s.settles("up")
			s.settles("up") // a second one finds everything as it is to be
			if d := cmp.Diff(whole[last], s.exists()); d != "" {
				t.Errorf("an undisturbed up makes (-), this one made (+):\n%s\n%s", d, s.log.String())
			}
			s.trouble("down")
			s.settles("down")
			t.Log(s.log.String(), "faults that hit:", s.simulator.FaultHits())
			left, err := s.simulator.Leftovers()
			if err != nil || len(left) > 0 {
				t.Errorf("left over: %q, %v\n%s", left, err, s.log.String())
			}
		})
	}
}

// exists is what an undisturbed up makes of a definition.
func exists(t *testing.T, text, image string) []string {
	t.Helper()
	s := newSite(t, image, 0, nil)
	s.define(text, image)
	if err := s.run("up", longest); err != nil {
		t.Fatalf("%v\n%s", err, s.log.String())
	}
	return s.exists()
}

// exists are the IDs of what exists in lower case, without data: of what jobs left, that
// is kept which nobody knows of.
func (s *site) exists() []string {
	s.t.Helper()
	list, err := s.simulator.Leftovers()
	if err != nil {
		s.t.Fatal(err)
	}
	for i, id := range list {
		list[i] = strings.ToLower(id)
	}
	slices.Sort(list)
	return slices.DeleteFunc(list, func(id string) bool {
		return strings.Contains(id, "/storageaccounts/") || strings.Contains(id, "/storages/")
	})
}

// publish puts an image that runs as the default user into a registry on loopback.
func publish(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	file, err := empty.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config.User = "linux", "amd64", "65532"
	image, err := mutate.ConfigFile(empty.Image, file)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	sum, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return tag.Context().Name() + "@" + sum.String()
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is not a number", variable, text)
	}
	return n
}

// site is one machine with one subscription.
type site struct {
	t         *testing.T
	dir       string
	env       []string
	random    *rand.Rand
	within    time.Duration // when a command is killed at the latest
	simulator *armsim.Simulator
	log       bytes.Buffer // every command, and what it said
}

func newSite(t *testing.T, image string, seed int64, faults []fault.Fault) *site {
	t.Helper()
	// Every other Azure is so quick that nothing is polled, which takes a second.
	delay, within := 20*time.Millisecond, 7*time.Second
	if seed%2 == 0 {
		delay, within = 0, time.Second
	}
	simulator, err := armsim.New(armsim.Options{Seed: seed, Faults: faults, Delay: delay})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	if _, err := simulator.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(seed), 1)), within: within, simulator: simulator}
	s.define(definition, image)
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "ENVCTL_STATE_DIR=" + filepath.Join(s.dir, "state"),
		"DOCKER_HOST=unix:///nonexistent", "NO_COLOR=1",
	}
	for key, value := range simulator.Env() {
		s.env = append(s.env, key+"="+value)
	}
	return s
}

// define writes the site's definition.
func (s *site) define(text, image string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "envctl.yaml"), fmt.Appendf(nil, text, image), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// longest is when a command that is not killed has hung.
const longest = 5 * time.Minute

// run runs a command to its end, or kills it after a time.
func (s *site) run(verb string, kill time.Duration) error {
	cmd := exec.Command(envctl, verb, "-t", "azure", "--yes")
	cmd.Dir, cmd.Env = s.dir, s.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	timer := time.AfterFunc(kill, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	fmt.Fprintf(&s.log, "$ envctl %s (killed after %v): %v\n%s", verb, kill, err, out.String())
	return err
}

// trouble runs a command that may fail, and kills it in two of three cases.
func (s *site) trouble(verb string) {
	kill := longest
	if s.random.IntN(3) > 0 {
		kill = time.Duration(s.random.Int64N(int64(s.within)))
	}
	_ = s.run(verb, kill) // whatever came of it, the next one has to get through
}

// settles holds that a command gets through, at the latest with one more.
func (s *site) settles(verb string) {
	s.t.Helper()
	var exit *exec.ExitError
	err := s.run(verb, longest)
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = s.run(verb, longest)
	}
	if err != nil {
		s.t.Fatalf("%s does not get through: %v\n%s", verb, err, s.log.String())
	}
}
