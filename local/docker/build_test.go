package docker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

func TestBuildFromScratch(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	var events []docker.BuildEvent
	request := docker.BuildRequest{
		Context: buildDir(t, map[string]string{
			// The step's text is new every time, so no cache knows it.
			"Dockerfile": strings.ReplaceAll(`FROM scratch AS base
COPY tool /tool
FROM base AS wanted
ARG GREETING
ENV GREETING=${GREETING}
COPY data /data
RUN ["/tool", "say", "hello from UNIQUE", ""]
USER 1000:1000
EXPOSE 8080
WORKDIR /data
ENTRYPOINT ["/tool"]
FROM wanted
COPY secret.txt /secret.txt
`, "UNIQUE", own[dockertest.Label]),
			".dockerignore": "**/*.txt\n!data/kept.txt\n",
			"data/kept.txt": "kept", "data/dropped.txt": "dropped", "secret.txt": "s",
		}),
		Target: "wanted", Args: map[string]string{"GREETING": "hi there"},
		Labels: own, Tag: dockertest.Tag(own),
	}
	img, err := e.Build(t.Context(), request, func(ev docker.BuildEvent) { events = append(events, ev) })
	if err != nil {
		t.Fatal(err)
	}
	if img.User != "1000:1000" || !slices.Equal(img.Ports, []string{"8080/tcp"}) || img.WorkDir != "/data" {
		t.Errorf("image = %+v", img)
	}
	if img.Labels[dockertest.Label] != own[dockertest.Label] {
		t.Errorf("labels = %v", img.Labels)
	}
	if got := output(t, e, own, img.ID, "env", "GREETING"); got != "hi there\n" {
		t.Errorf("build argument: %q", got)
	}
	if got := output(t, e, own, img.ID, "cat", "kept.txt"); got != "kept" {
		t.Errorf("kept file: %q", got)
	}
	res, err := e.Run(t.Context(), runSpec(own, img.ID, "cat", "/data/dropped.txt"), docker.Streams{})
	if err != nil || res.ExitCode != 1 {
		t.Errorf("the ignored file is in the image: %+v, %v", res, err)
	}
	if !slices.ContainsFunc(events, func(ev docker.BuildEvent) bool {
		return ev.State == docker.StepLog && ev.Log == "hello from "+own[dockertest.Label] && strings.Contains(ev.Step, "RUN")
	}) {
		t.Errorf("no log line of the RUN step in %+v", events)
	}

	events = nil
	again, err := e.Build(t.Context(), request, func(ev docker.BuildEvent) { events = append(events, ev) })
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != img.ID {
		t.Errorf("built again: %s, then %s", img.ID, again.ID)
	}
	if !slices.ContainsFunc(events, func(ev docker.BuildEvent) bool {
		return ev.State == docker.StepDone && ev.Cached && strings.Contains(ev.Step, "RUN")
	}) {
		t.Errorf("the RUN step was not cached: %+v", events)
	}
}

// An image that only the engine has can be built upon: nothing asks a registry.
func TestBuildFromLocalImage(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	toolImage(t, e, own)
	img, err := e.Build(t.Context(), docker.BuildRequest{
		Context: buildDir(t, map[string]string{
			"sub/My.Dockerfile":              "FROM " + dockertest.Tag(own) + "\nCOPY . /all\n",
			"sub/My.Dockerfile.dockerignore": "tool\nsub\n",
			".dockerignore":                  "note",
			"note":                           "n",
		}),
		Dockerfile: "sub/My.Dockerfile", Labels: own, Tag: dockertest.Tag(own) + "-child",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, e, own, img.ID, "cat", "/all/note"); got != "n" {
		t.Errorf("note = %q", got)
	}
	res, err := e.Run(t.Context(), runSpec(own, img.ID, "stat", "/all/tool"), docker.Streams{})
	if err != nil || res.ExitCode != 1 {
		t.Errorf("the Dockerfile's own ignore file is not in force: %+v, %v", res, err)
	}
}

func TestBuildAddsFiles(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	extra := t.TempDir()
	write(t, extra, "sales.csv", "a,b\n1,2\n", 0o600)
	write(t, extra, "tree/run", "x", 0o700)
	write(t, extra, "tree/deep/note", "deep", 0o664)
	request := docker.BuildRequest{
		Context: buildDir(t, map[string]string{
			"Dockerfile":     "FROM scratch\nCOPY tool /tool\nCOPY --chown=1000:1000 top /\nENTRYPOINT [\"/tool\"]\n",
			"top/home/.keep": "",
		}),
		Labels: own, Tag: dockertest.Tag(own),
		Files: map[string]string{
			filepath.Join(extra, "sales.csv"): "/data/in/sales.csv",
			filepath.Join(extra, "tree"):      "/home/tree",
		},
	}
	// The image's own folder keeps its owner and mode.
	if err := os.Chmod(filepath.Join(request.Context, "top/home"), 0o750); err != nil {
		t.Fatal(err)
	}
	img, err := e.Build(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	const then = "315532800"
	got := output(t, e, own, img.ID, "stat", "/data", "/data/in", "/data/in/sales.csv", "/home/tree/run", "/home/tree/deep", "/home/tree/deep/note")
	want := fmt.Sprintf("40755 0 0 %[1]s /data\n40755 0 0 %[1]s /data/in\n100644 0 0 %[1]s /data/in/sales.csv\n"+
		"100755 0 0 %[1]s /home/tree/run\n40755 0 0 %[1]s /home/tree/deep\n100644 0 0 %[1]s /home/tree/deep/note\n", then)
	if got != want {
		t.Errorf("added files:\n%swant:\n%s", got, want)
	}
	if home := output(t, e, own, img.ID, "stat", "/home"); !strings.HasPrefix(home, "40750 1000 1000 ") {
		t.Errorf("/home = %s", home)
	}
	if left, ok, err := e.ResolveImage(t.Context(), dockertest.Tag(own)+"-base"); ok || err != nil {
		t.Errorf("the intermediate image stays: %+v, %v", left, err)
	}
	if !slices.Contains(img.Tags, dockertest.Tag(own)) {
		t.Errorf("tags = %v", img.Tags)
	}

	// The same size and other content must not be taken from a cache.
	write(t, extra, "sales.csv", "a,b\n3,4\n", 0o600)
	changed, err := e.Build(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, e, own, changed.ID, "cat", "/data/in/sales.csv"); got != "a,b\n3,4\n" {
		t.Errorf("changed file = %q", got)
	}
	// The same files again give the same image.
	write(t, extra, "sales.csv", "a,b\n1,2\n", 0o644)
	again, err := e.Build(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != img.ID {
		t.Errorf("image of the same files: %s, then %s", img.ID, again.ID)
	}
}

func TestBuildFilesConflicts(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	extra := t.TempDir()
	write(t, extra, "f", "x", 0o600)
	for dest, want := range map[string]string{
		"/tool/f": "is a file and cannot hold added files",
		"/tool":   "",
		"/dir":    "is a folder; name the file in it",
		"rel":     "not a clean absolute path",
		"/a/../b": "not a clean absolute path",
		"/":       "cannot be added as /",
	} {
		_, err := e.Build(t.Context(), docker.BuildRequest{
			Context: buildDir(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY tool /tool\nCOPY tool /dir/\n"}),
			Labels:  own, Tag: dockertest.Tag(own), Files: map[string]string{filepath.Join(extra, "f"): dest},
		}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", dest, err, want)
		}
	}
}

func TestBuildErrors(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	for name, c := range map[string]struct {
		dockerfile string
		line       int
		step       string
		text       []string
	}{
		"failing step": {
			"FROM scratch AS one\nCOPY tool /tool\n\n# comment\nENV A=1\nRUN [\"/tool\", \"say\", \"fine\", \"\"]\nRUN [\"/tool\", \"fail\", \"disk on fire\"]\n",
			7, "RUN", []string{"Dockerfile:7", "disk on fire", "about to fail", "exit code: 3"},
		},
		"second stage": {
			"FROM scratch\nCOPY tool /tool\nFROM scratch AS two\nCOPY --from=0 /tool /tool\nRUN [\"/tool\", \"exit\", \"9\"]\n",
			5, "RUN", []string{"exit code: 9"},
		},
		"missing file":   {"FROM scratch\nCOPY nothing.txt /x\n", 2, "COPY", []string{`: "nothing.txt" is not in the build context`}},
		"missing folder": {"FROM scratch\nCOPY bin/tool /x\n", 2, "COPY", []string{`: "bin`, `" is not in the build context`}},
		"other stage":    {"FROM scratch AS one\nCOPY tool /tool\nFROM scratch\nCOPY --from=one /none /x\n", 4, "COPY", []string{"/none", "not found"}},
		"syntax":         {"FROM scratch\nCOPYY tool /tool\n", 2, "", []string{"COPYY"}},
		"empty":          {"", 0, "", []string{"Dockerfile"}},
		"target":         {"FROM scratch AS a\nCOPY tool /tool\n", 0, "", []string{"nosuch"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := docker.BuildRequest{Context: buildDir(t, map[string]string{"Dockerfile": c.dockerfile}), Labels: own, Tag: dockertest.Tag(own)}
			if name == "target" {
				request.Target = "nosuch"
			}
			_, err := e.Build(t.Context(), request, nil)
			var failed *docker.BuildError
			if !errors.As(err, &failed) {
				t.Fatalf("error = %v", err)
			}
			t.Log(err)
			if failed.Line != c.line || !strings.Contains(failed.Step, c.step) {
				t.Errorf("line %d step %q, want %d %q", failed.Line, failed.Step, c.line, c.step)
			}
			for _, text := range c.text {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q is not in: %v", text, err)
				}
			}
		})
	}
}

// No registry is to be reached from where the tests run, or the name is not to
// be found in it; either way it is an error about the base image.
func TestBuildFromImageThatCannotBePulled(t *testing.T) {
	t.Parallel()
	e := engine(t)
	_, err := e.Build(t.Context(), docker.BuildRequest{
		Context: buildDir(t, map[string]string{"Dockerfile": "ARG V=1\nFROM registry.invalid/no/such:1\nCOPY tool /\n"}),
	}, nil)
	var pull *docker.PullError
	if !errors.As(err, &pull) {
		t.Fatalf("error = %v", err)
	}
	if pull.Ref != "registry.invalid/no/such:1" || !slices.Contains(noSuchHost, pull.Reason) {
		t.Errorf("%+v", pull)
	}
	var failed *docker.BuildError
	if !errors.As(err, &failed) || failed.Line != 2 {
		t.Errorf("line = %+v", failed)
	}
	t.Log(err)
}

func TestBuildStopsWithItsContext(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("changed my mind")
	begun := time.Time{}
	_, err := e.Build(ctx, docker.BuildRequest{
		Context: buildDir(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY tool /tool\nRUN [\"/tool\", \"sleep\", \"600\"]\n"}),
		Labels:  own, Tag: dockertest.Tag(own), NoCache: true,
	}, func(ev docker.BuildEvent) {
		if ev.Log == "sleeping" {
			begun = time.Now()
			cancel(why)
		}
	})
	if !errors.Is(err, why) {
		t.Fatalf("error = %v", err)
	}
	if begun.IsZero() || time.Since(begun) > 5*time.Second {
		t.Errorf("it took %v to stop", time.Since(begun))
	}
	gone := func() bool {
		procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, p := range procs {
			if line, _ := os.ReadFile(p); strings.HasPrefix(string(line), "/tool\x00sleep\x00600\x00") {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(15 * time.Second); !gone(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the step still runs")
		}
	}
	if _, ok, err := e.ResolveImage(t.Context(), dockertest.Tag(own)); ok || err != nil {
		t.Errorf("a stopped build left its tag (%v)", err)
	}
}

func TestBuildRefusesItsInput(t *testing.T) {
	t.Parallel()
	e := engine(t)
	dir := buildDir(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY tool /\n"})
	for want, r := range map[string]docker.BuildRequest{
		"not an absolute path":   {Context: "relative"},
		"cannot be read":         {Context: filepath.Join(dir, "none")},
		"is a file":              {Context: filepath.Join(dir, "Dockerfile")},
		"there is no Dockerfile": {Context: dir, Dockerfile: "Nofile"},
		"is not a file":          {Context: dir, Dockerfile: "."},
		"has not the form":       {Context: dir, Tag: "name"},
		"image tag":              {Context: dir, Tag: "UPPER:1"},
		"it needs one":           {Context: dir, Files: map[string]string{dir: "/x"}},
		"no such file":           {Context: dir, Tag: "a:1", Files: map[string]string{dir + "/none": "/x"}},
		"neither a file":         {Context: dir, Tag: "a:1", Files: map[string]string{"/dev/null": "/x"}},
	} {
		if _, err := e.Build(t.Context(), r, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}
