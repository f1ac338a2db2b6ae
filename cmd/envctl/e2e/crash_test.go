package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
)

// threeApps has an order (needs), a gateway, a generated secret and a job.
const threeApps = `
name: @NAME@
secrets:
  token: {generate: 32}
apps:
  front:
    build: {context: app}
    cpu: 0.25
    memory: 512Mi
    needs: [store]
    ingress: {port: 8080, public: true}
    health: {path: /healthz, interval: 1s, grace: 2m}
  store:
    build: {context: app}
    cpu: 0.25
    memory: 512Mi
    secrets: {TOKEN: token}
    ingress: {port: 8080}
  worker:
    build: {context: app}
    args: [sleep, 24h]
    cpu: 0.25
    memory: 512Mi
jobs:
  report:
    build: {context: app}
    args: [report, /out, "1"]
    cpu: 0.25
    memory: 512Mi
    outputs: /out
    secrets: {TOKEN: token}
`

// TestKilledAtAnyInstant ends up and down with SIGKILL at instants that are
// spread evenly over how long they take, one or several times in a row, and then
// asks for either: up has to end with everything as it should be, and down with
// nothing.
func TestKilledAtAnyInstant(t *testing.T) {
	kills := number(t, "ENVCTL_KILLS", 25)
	seed := number(t, "ENVCTL_SEED", int(time.Now().UnixNano()))
	t.Logf("ENVCTL_SEED=%d ENVCTL_KILLS=%d", seed, kills)
	k := &killer{experiment: newExperiment(t, threeApps), random: rand.New(rand.NewPCG(uint64(seed), 0)), takes: map[string]time.Duration{}}
	k.measure("up")
	k.sound()
	k.measure("up")
	k.measure("down")
	k.gone()
	k.measure("up")
	for done := 0; done < kills; done++ {
		k.kill()
		if k.random.IntN(3) == 0 {
			continue // a second kill before anything is mended
		}
		if k.random.IntN(2) == 0 {
			k.measure("up")
			k.sound()
		} else {
			k.measure("down")
			k.gone()
		}
	}
	k.must(0, "down")
	k.gone()
}

type killer struct {
	*experiment
	random *rand.Rand
	// takes is how long a command took last, by what it was and what went before.
	takes map[string]time.Duration
	there bool // the last command that ended by itself was up
	log   []string
}

// name tells commands apart that have different things to do.
func (k *killer) name(command string) string { return fmt.Sprintf("%s %t", command, k.there) }

// measure runs a command to its end and notes how long it takes.
func (k *killer) measure(command string) {
	k.t.Helper()
	began := time.Now()
	c := k.run(command)
	if c.code != 0 {
		k.t.Fatalf("after %q: envctl %s: exit status %d\n%s", k.log, command, c.code, c.stderr)
	}
	k.takes[k.name(command)] = time.Since(began)
	k.there = command == "up"
	k.log = append(k.log, command)
}

// kill starts up or down and kills it at a random instant. Where up has little to
// do, the images are made to be built anew most times.
func (k *killer) kill() {
	k.t.Helper()
	if k.random.IntN(4) > 0 {
		version := []byte(strconv.FormatUint(k.random.Uint64(), 16) + "\n")
		if err := os.WriteFile(filepath.Join(k.dir, "app", "version"), version, 0o644); err != nil {
			k.t.Fatal(err)
		}
	}
	command := "up"
	if k.there && k.random.IntN(2) == 0 {
		command = "down"
	}
	after := time.Duration(k.random.Int64N(int64(k.takes[k.name(command)])))
	cmd, _, _ := k.command(context.Background(), command)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	k.log = append(k.log, fmt.Sprintf("%s killed after %v (%v)", command, after.Round(time.Millisecond), err))
	k.t.Log(k.log[len(k.log)-1])
}

// TestStraysAreRemoved leaves what a kill does: a container that no state knows and
// that the definition does not have any more, and a job whose envctl is gone.
func TestStraysAreRemoved(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, threeApps)
	x.must(0, "up")
	job := x.begin("run", "report", "--", "sleep", "24h")
	x.eventually("the job's container", func(kind, name string) bool { return kind == "job" })
	job.signal(os.Kill)
	job.end(patience)

	// The next run finds the container of one that is gone.
	x.must(0, "run", "report", "--", "env", "HOME")
	if left := x.containers(func(kind, _ string) bool { return kind == "job" }); len(left) > 0 {
		t.Errorf("left of a killed run: %v", left)
	}

	// An up is killed as soon as the container is there, most often before that is
	// written down; the definition that follows does not have it.
	x.define(strings.ReplaceAll(threeApps, "  worker:\n", "  other:\n    build: {context: app}\n    args: [sleep, 24h]\n"+
		"    cpu: 0.25\n    memory: 512Mi\n  worker:\n"))
	up := x.begin("up")
	x.eventually("the new app's container", func(_, name string) bool { return name == "other" })
	up.signal(os.Kill)
	up.end(patience)
	x.define(threeApps)
	x.must(0, "up")
	x.sound()
	if left := x.containers(func(_, name string) bool { return name == "other" }); len(left) > 0 {
		t.Errorf("left of a killed up: %v", left)
	}
	x.must(0, "down")
	x.gone()
}

// containers are those of the experiment that is says yes to, by kind and component.
func (x *experiment) containers(is func(kind, component string) bool) []string {
	x.t.Helper()
	list, err := x.engine.Containers(context.Background(), docker.Filter{Labels: map[string]string{target.LabelExperiment: x.name}})
	if err != nil {
		x.t.Fatal(err)
	}
	var out []string
	for _, c := range list {
		if is(c.Labels[target.LabelKind], c.Labels[target.LabelComponent]) {
			out = append(out, c.Name)
		}
	}
	return out
}

// eventually waits for a container.
func (x *experiment) eventually(what string, is func(kind, component string) bool) {
	x.t.Helper()
	for deadline := time.Now().Add(patience); len(x.containers(is)) == 0; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			x.t.Fatalf("%s is not there after %v", what, patience)
		}
	}
}

// number reads a variable of the environment.
func number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is not a number from 0 up", name, value)
	}
	return n
}
