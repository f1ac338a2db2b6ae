package docker_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/envctl/envctl/local/docker"
)

// runSpec is a hardened run of the tests' tool.
func runSpec(own map[string]string, image string, args ...string) docker.RunSpec {
	return docker.RunSpec{
		Config: container.Config{Image: image, User: "1000:1000", Cmd: slices.Clone(args), Labels: maps.Clone(own)},
		HostConfig: container.HostConfig{
			NetworkMode: "none", ReadonlyRootfs: true,
			CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
		},
	}
}

func TestRunStreamsAndStatus(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	img := toolImage(t, e, own)
	var out, errOut bytes.Buffer
	res, err := e.Run(t.Context(), runSpec(own, img.ID, "say", "to out", "to err"), docker.Streams{Stdout: &out, Stderr: &errOut})
	if err != nil || res.ExitCode != 0 || out.String() != "to out\n" || errOut.String() != "to err\n" {
		t.Errorf("%+v %v %q %q", res, err, out.String(), errOut.String())
	}
	if res.Started.IsZero() || res.Finished.Before(res.Started) && res.Started.Sub(res.Finished) > time.Second {
		t.Errorf("times: %v %v", res.Started, res.Finished)
	}
	if res, err := e.Run(t.Context(), runSpec(own, img.ID, "exit", "42"), docker.Streams{}); err != nil || res.ExitCode != 42 {
		t.Errorf("%+v %v", res, err)
	}
	if got := strings.Count(output(t, e, own, img.ID, "lines", "50000"), "\n"); got != 50000 {
		t.Errorf("%d of 50000 lines", got)
	}
	out.Reset()
	in := strings.Repeat("some input\n", 20000)
	if _, err := e.Run(t.Context(), runSpec(own, img.ID, "copy"), docker.Streams{Stdin: strings.NewReader(in), Stdout: &out}); err != nil || out.String() != in {
		t.Errorf("%v: %d of %d bytes came back", err, out.Len(), len(in))
	}
	nothingLeft(t, e, own)
}

func TestRunThatCannotStart(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	img := toolImage(t, e, own)
	spec := runSpec(own, img.ID)
	spec.Config.Entrypoint = []string{"/nothing"}
	if _, err := e.Run(t.Context(), spec, docker.Streams{}); err == nil || !strings.Contains(err.Error(), "/nothing") {
		t.Errorf("error = %v", err)
	}
	if _, err := e.Run(t.Context(), runSpec(own, "envctl-dockertest/none:1"), docker.Streams{}); err == nil || !strings.Contains(err.Error(), "envctl-dockertest/none:1") {
		t.Errorf("error = %v", err)
	}
	nothingLeft(t, e, own)
}

func TestRunTimeoutAndMemory(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	img := toolImage(t, e, own)
	var out bytes.Buffer
	spec := runSpec(own, img.ID, "sleep", "600")
	spec.Timeout = time.Second
	res, err := e.Run(t.Context(), spec, docker.Streams{Stdout: &out})
	if err != nil || !res.TimedOut || res.ExitCode != 7 || out.String() != "sleeping\nasked to stop\n" {
		t.Errorf("asked: %+v %v %q", res, err, out.String())
	}
	spec = runSpec(own, img.ID, "sleep", "600", "stubborn")
	spec.Timeout, spec.Grace = time.Second, time.Second
	begun := time.Now()
	res, err = e.Run(t.Context(), spec, docker.Streams{})
	if err != nil || !res.TimedOut || res.ExitCode != 137 || time.Since(begun) > 8*time.Second {
		t.Errorf("killed: %+v %v after %v", res, err, time.Since(begun))
	}
	spec = runSpec(own, img.ID, "alloc", "200")
	spec.HostConfig.Memory, spec.HostConfig.MemorySwap = 32<<20, 32<<20
	res, err = e.Run(t.Context(), spec, docker.Streams{})
	if err != nil || !res.OOMKilled || res.ExitCode != 137 {
		t.Errorf("memory: %+v %v", res, err)
	}
	nothingLeft(t, e, own)
}

func TestRunStopsWithItsContext(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	img := toolImage(t, e, own)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	r, w := io.Pipe()
	var out bytes.Buffer
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		scanner := bufio.NewScanner(r)
		for scanner.Scan() {
			out.WriteString(scanner.Text() + "\n")
			cancel(why)
		}
	}()
	_, err := e.Run(ctx, runSpec(own, img.ID, "sleep", "600"), docker.Streams{Stdout: w})
	_ = w.Close()
	<-seen
	if !errors.Is(err, why) || out.String() != "sleeping\nasked to stop\n" {
		t.Errorf("%v, %q", err, out.String())
	}
	nothingLeft(t, e, own)
}

func TestRunBringsOutputsBack(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	img := toolImage(t, e, own)
	dir := filepath.Join(t.TempDir(), "results")
	spec := runSpec(own, img.ID, "results", "/out/here")
	spec.Outputs = &docker.OutputSpec{Path: "/out/here", UID: 1000, GID: 1000, To: dir}
	var errOut bytes.Buffer
	res, err := e.Run(t.Context(), spec, docker.Streams{Stderr: &errOut})
	if err != nil || res.ExitCode != 0 {
		t.Fatalf("%+v %v %s", res, err, errOut.String())
	}
	if res.Outputs.Files != 2 || res.Outputs.Folders != 1 || res.Outputs.Skipped != 1 {
		t.Errorf("outputs = %+v", res.Outputs)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "sub/a.csv")); err != nil || string(data) != "1,2\n" {
		t.Errorf("%q %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "run.sh")); err != nil || info.Mode() != 0o755 {
		t.Errorf("run.sh: %v %v", info.Mode(), err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "link")); !os.IsNotExist(err) {
		t.Errorf("a link came back: %v", err)
	}
	nothingLeft(t, e, own)

	// The root file system stays read-only, the folder is its owner's only.
	spec = runSpec(own, img.ID, "write", "/elsewhere", "x")
	spec.Outputs = &docker.OutputSpec{Path: "/out", UID: 1000, GID: 1000, To: dir}
	if res, err := e.Run(t.Context(), spec, docker.Streams{}); err != nil || res.ExitCode != 1 {
		t.Errorf("%+v %v", res, err)
	}
	spec = runSpec(own, img.ID, "write", "/out/x", "x")
	spec.Outputs = &docker.OutputSpec{Path: "/out", UID: 1001, GID: 1001, To: dir}
	if res, err := e.Run(t.Context(), spec, docker.Streams{}); err != nil || res.ExitCode != 1 {
		t.Errorf("another's folder: %+v %v", res, err)
	}
	spec.Outputs.Path = "/"
	if _, err := e.Run(t.Context(), spec, docker.Streams{}); err == nil || !strings.Contains(err.Error(), "not a clean absolute path") {
		t.Errorf("error = %v", err)
	}
	nothingLeft(t, e, own)
}

// nothingLeft says that no container and no volume carries the labels.
func nothingLeft(t *testing.T, e *docker.Engine, own map[string]string) {
	t.Helper()
	left, err := e.Leftovers(t.Context(), own)
	if err != nil || len(left.Containers) > 0 || len(left.Volumes) > 0 {
		t.Errorf("left over: %+v, %v", left, err)
	}
}
