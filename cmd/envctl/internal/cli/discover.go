package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// fileNames are the names that a definition is looked for under.
var fileNames = []string{"envctl.yaml", "envctl.yml"}

// errNoDefinition says that no definition was given or found.
var errNoDefinition = errors.New("no definition")

// discover finds the definition of the folder dir: there or in the nearest folder
// above. It climbs no higher than the root of the repository that dir is in, or
// without one than home, so that a file which somebody else left in a shared
// folder such as /tmp is never taken.
func discover(dir, home string) (string, error) {
	top := ceiling(dir, home)
	for at := dir; ; at = filepath.Dir(at) {
		file, err := definitionIn(at)
		if file != "" || err != nil {
			return file, err
		}
		if at == top || at == filepath.Dir(at) {
			break
		}
	}
	where := "in " + dir
	if top != dir {
		where += " or above it up to " + top
	}
	return "", &problem{code: "no-definition", status: statusUsage, err: errNoDefinition,
		message: fmt.Sprintf("there is no %s %s", strings.Join(fileNames, " or "), where),
		hint:    "envctl init writes one; -f FILE reads one from elsewhere"}
}

// ceiling is the highest folder that discover looks into.
func ceiling(dir, home string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if rel, err := filepath.Rel(home, dir); home != "" && err == nil && filepath.IsLocal(rel) {
		return filepath.Clean(home)
	}
	return dir
}

// definitionIn returns the definition in the folder at, or "".
func definitionIn(at string) (string, error) {
	var found []string
	for _, n := range fileNames {
		file := filepath.Join(at, n)
		info, err := os.Stat(file)
		switch {
		case err == nil && !info.IsDir():
			found = append(found, file)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", &problem{code: "unreadable", status: statusUsage, path: file, err: err,
				message: fmt.Sprintf("cannot read %q: %s", file, cause(err)), hint: "look at the permissions of the file and its folder"}
		}
	}
	if len(found) > 1 {
		return "", &problem{code: "ambiguous", status: statusUsage, path: at,
			message: fmt.Sprintf("both %s and %s are in %s", fileNames[0], fileNames[1], at),
			hint:    "remove one, or name one with -f"}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return "", nil
}
