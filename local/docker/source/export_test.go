package source

import (
	"io/fs"
	"path/filepath"

	"github.com/moby/patternmatcher"
)

// Kept matches every path of the context against the ignore file with the
// matcher alone: a path is kept unless it or a folder above it is dropped.
func Kept(r Recipe) (map[string]bool, error) {
	patterns, err := r.excludes()
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	return kept, filepath.WalkDir(r.Context, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(r.Context, file)
		if err != nil || path == "." {
			return err
		}
		dropped, err := matcher.MatchesOrParentMatches(path)
		kept[path] = !dropped
		return err
	})
}
