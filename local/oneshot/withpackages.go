package oneshot

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/envctl/envctl/local/oneshot/language"
)

// WithPackages returns the image that has packages on top of another, as a package
// manager (pip or npm) writes them, and the variables that a program needs to find
// them. What was installed before is found again. A script finds npm's in any
// folder.
func WithPackages(ctx context.Context, d Deps, name, manager string, with []string) (Image, map[string]string, error) {
	base, err := d.Runner.Image(ctx, name)
	if err != nil {
		return Image{}, nil, err
	}
	file, env := "main.py", map[string]string{"PYTHONPATH": "/" + pipDir}
	if manager == language.NPM {
		file, env = "main.js", nil
	}
	// A script without text: it wants what is given here, once each name was checked.
	spec := Spec{File: file, Source: []byte{}, With: with, Isolation: d.Isolation}.defaults()
	wanted, err := script{language: language.Language{Packages: manager}}.wanted(spec)
	if err != nil {
		return Image{}, nil, err
	}
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return Image{}, nil, fmt.Errorf("make the folder for locks: %w", err)
	}
	temporary, err := os.MkdirTemp("", "envctl-packages-*")
	if err != nil {
		return Image{}, nil, err
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	b := builder{Deps: d, base: base, uid: userOf(base), id: newID(time.Now()), dir: temporary, spec: spec, wanted: wanted}
	image, _, err := b.layered(ctx, nil)
	return image, env, err
}
