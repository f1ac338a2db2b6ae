package oneshot_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/oneshot"
)

// indexes is a runner whose build steps find other files at each index.
type indexes struct {
	baseOnly
	ran    []string // LOCK or INSTALL and the index of each
	layers map[string]bool
}

func (i *indexes) Run(_ context.Context, p oneshot.Program, _ oneshot.Streams) (oneshot.Ended, error) {
	step := p.ID[strings.LastIndexByte(p.ID, '-')+1:]
	i.ran = append(i.ran, step+" "+p.Index.URL)
	sum := strings.Repeat("a", 64)
	if p.Index.URL == "http://mirror.example/simple" {
		sum = strings.Repeat("b", 64)
	}
	report := `{"version":"1","install":[{"download_info":{"url":"u","archive_info":{"hash":"sha256=` + sum + `"}},"metadata":{"name":"words","version":"1.0"}}]}`
	return oneshot.Ended{}, errors.Join(os.MkdirAll(p.Out, 0o755), os.WriteFile(filepath.Join(p.Out, "report.json"), []byte(report), 0o600))
}

func (i *indexes) Layer(_ context.Context, key string) (oneshot.Image, bool, error) {
	return oneshot.Image{Ref: key}, i.layers[key], nil
}

func (i *indexes) AddLayer(_ context.Context, l oneshot.LayerRequest) (oneshot.Image, error) {
	i.layers[l.Key] = true
	return oneshot.Image{Ref: l.Key}, nil
}

// What one index had for a name is not installed for who asks another one: it was
// somebody else's choice whom to believe.
func TestLocksAreOfOneIndex(t *testing.T) {
	t.Parallel()
	runner := &indexes{baseOnly: baseOnly{t: t}, layers: map[string]bool{}}
	dir := t.TempDir()
	images := map[string]string{}
	for _, url := range []string{"http://mirror.example/simple", "", "http://mirror.example/simple", ""} {
		image, _, err := oneshot.WithPackages(t.Context(), oneshot.Deps{Runner: runner, Dir: dir, PyPI: url}, "base", "pip", []string{"words"})
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := images[url]; ok && before != image.Ref {
			t.Errorf("index %q: image %s, before %s", url, image.Ref, before)
		}
		images[url] = image.Ref
	}
	if images[""] == images["http://mirror.example/simple"] || len(runner.ran) != 4 {
		t.Errorf("images %v of the steps %q", images, runner.ran)
	}
}

// Which registry of npm is meant somebody has to say: a package of the public one
// could have the name of a private one's.
func TestNPMNeedsARegistry(t *testing.T) {
	t.Parallel()
	_, _, err := oneshot.WithPackages(t.Context(), oneshot.Deps{Runner: baseOnly{t: t}, Dir: t.TempDir()}, "base", "npm", []string{"words"})
	var refused *oneshot.Error
	if !errors.As(err, &refused) || refused.Path() != "ENVCTL_NPM_REGISTRY" || refused.ExitStatus() != 2 ||
		!strings.Contains(refused.Error(), "which registry of npm") || !strings.Contains(refused.Hint(), "npm config get registry") {
		t.Errorf("%v", err)
	}
}
