// Package keytrees knows which keys, kinds of value and names Microsoft's
// Resource Manager specifications permit in the request bodies of the types that
// the simulator has. The trees are generated; see the module in generate.
//
// The check is stricter than the service in one thing on purpose: a key in the
// wrong case is refused, since the service only sometimes ignores case.
package keytrees

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"sync"
)

//go:embed trees/*.json
var files embed.FS

// Trees are the parsed key trees. Make one with [Load]; it is safe for use by
// several goroutines and parses a tree when it is first asked for.
type Trees struct {
	mu     sync.Mutex
	parsed map[string]*tree
}

// Load returns the trees.
func Load() *Trees { return &Trees{parsed: map[string]*tree{}} }

// Names lists the trees: containerApps, jobs, …
func Names() []string {
	found, err := fs.Glob(files, "trees/*.json")
	if err != nil {
		panic(err) // only a malformed pattern
	}
	names := make([]string, 0, len(found))
	for _, file := range found {
		names = append(names, file[len("trees/"):len(file)-len(".json")])
	}
	return names
}

type tree struct {
	Root string           `json:"root"`
	Defs map[string]*node `json:"defs"`
}

type node struct {
	Kind     string           `json:"k"`
	Keys     map[string]*node `json:"c"`
	Required []string         `json:"r"`
	Item     *node            `json:"i"`
	Enum     []string         `json:"e"`
	Ref      string           `json:"d"`
}

func (t *Trees) tree(name string) (*tree, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := t.parsed[name]; found != nil {
		return found, nil
	}
	raw, err := files.ReadFile("trees/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no key tree %q: %w", name, err)
	}
	parsed := new(tree)
	if err := json.Unmarshal(raw, parsed); err != nil {
		return nil, fmt.Errorf("key tree %q: %w", name, err)
	}
	t.parsed[name] = parsed
	return parsed, nil
}
