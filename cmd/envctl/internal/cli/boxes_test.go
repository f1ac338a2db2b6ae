package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/images"
	"github.com/envctl/envctl/stacks/state"
)

// What a project's own images are called, and what that means: a name is what
// envctl.lock has for it, and what up built is there by its tag.
func TestProjectImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	getenv := func(name string) string { return map[string]string{"ENVCTL_STATE_DIR": dir}[name] }
	d, err := state.Open(getenv)
	if err != nil {
		t.Fatal(err)
	}
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	def := &definition.Definition{Name: "x1", Dir: t.TempDir(),
		Apps: map[string]definition.App{
			"api":  {Workload: definition.Workload{CPU: 0.25, Memory: 1 << 29}},
			"free": {Workload: definition.Workload{Image: "free:1", CPU: 0.25, Memory: 1 << 29}},
		},
		Jobs: map[string]definition.Job{"job": {Workload: definition.Workload{Image: "job:1", CPU: 0.25, Memory: 1 << 29}}},
	}
	if err := os.WriteFile(filepath.Join(def.Dir, images.LockFile), []byte("job:1: job@"+two+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ref := stacks.Ref{Experiment: "x1", Instance: "default", Target: "local"}
	want := map[string]string{"job:1": "job@" + two, "free:1": "free:1"}
	if got, err := projectImages(getenv, ref, def); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("before up: %v, %v", got, err)
	}
	settled, err := plan.New(def, plan.Options{Instance: "default", Target: "local", Images: map[string]plan.Image{
		"api":  {Ref: one, Tag: "envctl/x1.default/api:0", Build: &plan.Build{Context: "/src", Dockerfile: "Dockerfile", Source: two}},
		"free": {Ref: "free@" + two}, "job": {Ref: "job@" + two},
	}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(settled)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Save(state.Record{Ref: ref, Plan: raw}); err != nil {
		t.Fatal(err)
	}
	want["envctl/x1.default/api:0"] = one
	if got, err := projectImages(getenv, ref, def); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("after up: %v, %v", got, err)
	}
}

// One image that is slow to find keeps nobody waiting for another, and whoever gives
// up waits no longer.
func TestImagesAreFoundSideBySide(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	id := "sha256:" + strings.Repeat("3", 64)
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
			w.Header().Set("API-Version", "1.44")
		case strings.Contains(r.URL.Path, "/images/slow/"):
			<-hang
			http.Error(w, `{"message":"broken"}`, http.StatusInternalServerError)
		case strings.Contains(r.URL.Path, "/images/"+id+"/"):
			_, _ = fmt.Fprintf(w, `{"Id":%q}`, id)
		default:
			http.Error(w, `{"message":"no such image"}`, http.StatusNotFound)
		}
	}))
	defer engine.Close()
	defer close(hang)
	e, err := docker.Connect(t.Context(), "tcp://"+engine.Listener.Addr().String(), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	found := &boxImages{engine: e, project: map[string]string{"api": id, "gone": "sha256:" + strings.Repeat("4", 64)}}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := found.Resolve(short, "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller that gave up: %v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got, err := found.Resolve(soon, "api"); err != nil || got != id {
		t.Errorf("beside it: %q, %v", got, err)
	}
	var missing *problem
	if _, err := found.Resolve(soon, "gone"); !errors.As(err, &missing) || !strings.Contains(missing.hint, "envctl up") {
		t.Errorf("what up built and is gone: %v", err)
	}
}
