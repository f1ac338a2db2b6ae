// Package source is what an image build reads: the files of its context that
// .dockerignore keeps, its Dockerfile, and the files that are added on top. It
// hashes them and offers them to a builder; it knows nothing of an engine.
package source

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// Recipe names everything that a build reads on this machine.
type Recipe struct {
	Context    string            // folder, absolute
	Dockerfile string            // absolute, or relative to Context; "" is Dockerfile
	Target     string            // the stage to build; "" is the last
	Args       map[string]string // build arguments
	Files      map[string]string // absolute file or folder here → absolute path in the image
}

// DockerfilePath is the Dockerfile's absolute path.
func (r Recipe) DockerfilePath() string {
	switch {
	case r.Dockerfile == "":
		return filepath.Join(r.Context, "Dockerfile")
	case filepath.IsAbs(r.Dockerfile):
		return r.Dockerfile
	default:
		return filepath.Join(r.Context, r.Dockerfile)
	}
}

// Check reports the first thing that makes the recipe impossible to build.
func (r Recipe) Check() error {
	if !filepath.IsAbs(r.Context) {
		return fmt.Errorf("build context %q is not an absolute path", r.Context)
	}
	info, err := os.Stat(r.Context)
	if err != nil {
		return fmt.Errorf("build context %q cannot be read: %w; correct build.context", r.Context, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("build context %q is a file, a folder is expected; correct build.context", r.Context)
	}
	file := r.DockerfilePath()
	info, err = os.Stat(file)
	if err != nil {
		return fmt.Errorf("there is no Dockerfile at %q: %w; correct build.dockerfile", file, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("the Dockerfile %q is not a file; correct build.dockerfile", file)
	}
	return nil
}

// excludes returns the patterns of the ignore file in force: the Dockerfile's
// own (NAME.dockerignore beside it) or else the context's .dockerignore.
func (r Recipe) excludes() ([]string, error) {
	for _, name := range []string{
		r.DockerfilePath() + ".dockerignore",
		filepath.Join(r.Context, ".dockerignore"),
	} {
		f, err := os.Open(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the ignore file: %w", err)
		}
		patterns, err := ignorefile.ReadAll(f)
		_ = f.Close()
		if err == nil {
			_, err = patternmatcher.New(patterns)
		}
		if err != nil {
			return nil, fmt.Errorf("the ignore file %s has a pattern that cannot be read: %w", name, err)
		}
		return patterns, nil
	}
	return nil, nil
}

// unread are patterns of what envctl itself writes beside a definition. It is no
// source: were it, the first up would make the second one build again.
var unread = []string{"**/envctl.lock"}

// ContextFS is the whole context but what envctl writes. The builder sends the
// ignore patterns itself.
func (r Recipe) ContextFS() (fsutil.FS, error) {
	all, err := fsutil.NewFS(r.Context)
	if err != nil {
		return nil, err
	}
	return fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: unread})
}

// DockerfileFS is the Dockerfile's folder, with nothing but the Dockerfile and
// its own ignore file to be seen.
func (r Recipe) DockerfileFS() (fsutil.FS, error) {
	file := r.DockerfilePath()
	dir, err := fsutil.NewFS(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	name := filepath.Base(file)
	return fsutil.NewFilterFS(dir, &fsutil.FilterOpt{
		Map: func(p string, stat *types.Stat) fsutil.MapResult {
			switch {
			case p == name || p == name+".dockerignore" || p == ".dockerignore":
				return fsutil.MapResultKeep
			case os.FileMode(stat.Mode).IsDir():
				return fsutil.MapResultSkipDir
			default:
				return fsutil.MapResultExclude
			}
		},
	})
}
