package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/owner"
)

// witness stands between envctl and the engine, and notes what is made.
type witness struct {
	mu     sync.Mutex
	made   []made
	engine *docker.Engine // by way of the witness
}

// made is an object that was asked for, and the volumes that come with it.
type made struct {
	kind, id  string
	name      string
	labels    map[string]string
	anonymous []map[string]string // labels of its volumes
}

var creation = regexp.MustCompile(`^(?:/v[0-9.]+)?/(containers|networks|volumes)/create$`)

func newWitness(t *testing.T, e *docker.Engine) *witness {
	t.Helper()
	w := &witness{}
	w.engine = dockertest.Between(t, e, func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if creation.MatchString(r.URL.Path) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(rw, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, body))
		}
		next.ServeHTTP(rw, r)
	}, w.note)
	return w
}

// bodyKey is the key of the body of a creation in its context.
type bodyKey struct{}

// note keeps what was made.
func (w *witness) note(r *http.Response) error {
	asked, ok := r.Request.Context().Value(bodyKey{}).([]byte)
	if !ok || r.StatusCode != http.StatusCreated {
		return nil
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(answer))
	var body struct {
		Name       string
		Labels     map[string]string
		HostConfig struct {
			Mounts []struct {
				Type, Source  string
				VolumeOptions struct{ Labels map[string]string }
			}
		}
	}
	var got struct{ ID, Name string } // a volume has a name only
	if err := json.Unmarshal(asked, &body); err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return err
	}
	m := made{kind: creation.FindStringSubmatch(r.Request.URL.Path)[1], id: got.ID + got.Name, labels: body.Labels}
	m.name = body.Name + r.Request.URL.Query().Get("name")
	for _, mount := range body.HostConfig.Mounts {
		if mount.Type == "volume" && mount.Source == "" {
			m.anonymous = append(m.anonymous, mount.VolumeOptions.Labels)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made = append(w.made, m)
	return nil
}

// isOurs says that labels lead a sweep to an object: by its experiment, or by the
// process that waits for it.
func isOurs(labels map[string]string) bool {
	return labels[target.LabelTarget] == target.Target && (labels[target.LabelExperiment] != "" || labels[owner.Label] != "")
}

const labelledLife = `name: @NAME@
models:
  chat: {model: gpt-4o-mini}
apps:
  api:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8080, public: true}
    models: [chat]
    egress: [allowed.test]
jobs:
  report:
    build: {context: app}
    args: [report, /out, "1"]
    cpu: 0.25
    memory: 512Mi
    outputs: /out
targets: {local: {models: {provider: echo}}}
`

// Every container, network and volume that envctl asks an engine for carries labels
// by which it is found and removed, helpers too, and nothing of it is left.
func TestNothingIsMadeWithoutLabels(t *testing.T) {
	t.Parallel()
	real := dockertest.Engine(t)
	w := newWitness(t, real)
	x := newExperimentOn(t, w.engine, labelledLife)
	image := "envctl-test/" + x.name + ":1"
	if err := buildImage(t.Context(), real, image, "1", map[string]string{labelTest: x.name}); err != nil {
		t.Fatal(err)
	}
	input := filepath.Join(x.dir, "data.txt")
	if err := os.WriteFile(input, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.must(0, "up")
	x.must(0, "exec", "api", "--", "/app", "env", "PORT")
	x.must(0, "run", "report")
	x.must(0, "run", "--image", image, "--in", input, "--out", filepath.Join(x.dir, "results"), "--", "report", "/out", "2")
	x.must(0, "run", "--image", image, "--egress", "allowed.test", "--", "exit", "0")
	x.must(0, "down")
	// Records of runs stay on purpose.
	if err := os.RemoveAll(filepath.Join(x.state, "oneshot")); err != nil {
		t.Fatal(err)
	}
	x.gone()

	kinds, networks := map[string]int{}, map[string]int{}
	for _, m := range w.made {
		kinds[m.kind]++
		if m.kind == "networks" {
			networks[m.name]++
		}
		if !isOurs(m.labels) {
			t.Errorf("%s %s is made with the labels %v", m.kind, m.name, m.labels)
		}
		for _, labels := range m.anonymous {
			kinds["anonymous"]++
			if !isOurs(labels) {
				t.Errorf("a volume of %s is made with the labels %v", m.name, labels)
			}
		}
		if there(t, real, m) {
			t.Errorf("%s %s is there still", m.kind, m.name)
		}
	}
	for name, n := range networks {
		if n != 1 { // what is made ahead of the Pulumi engine has to be what that asks for
			t.Errorf("the network %s is made %d times", name, n)
		}
	}
	// The app, the job, two runs and their gateways at least, and helpers of outputs.
	if kinds["containers"] < 6 || kinds["networks"] < 2 || kinds["volumes"]+kinds["anonymous"] < 3 {
		t.Errorf("seen %v: the witness is not asked", kinds)
	}
	t.Logf("made: %v", kinds)
}

func there(t *testing.T, e *docker.Engine, m made) bool {
	t.Helper()
	var err error
	switch m.kind {
	case "containers":
		_, err = e.Client().ContainerInspect(t.Context(), m.id, client.ContainerInspectOptions{})
	case "networks":
		_, err = e.Client().NetworkInspect(t.Context(), m.id, client.NetworkInspectOptions{})
	default:
		_, err = e.Client().VolumeInspect(t.Context(), m.id, client.VolumeInspectOptions{})
	}
	return err == nil
}
