package plan

import (
	"fmt"
	"slices"
	"strings"
)

// order sorts workloads into levels by their needs. It fails on a need that is
// no app with ingress and on needs that go in a circle.
func order(workloads []Workload) ([][]string, error) {
	byName := map[string]Workload{}
	for _, w := range workloads {
		byName[w.Name] = w
	}
	for _, w := range workloads {
		for _, need := range w.Needs {
			n, ok := byName[need]
			if !ok || n.Kind != App || n.Ingress == nil {
				return nil, fmt.Errorf("%s %q needs %q, which is no app with ingress: name an app that can be connected to", w.Kind, w.Name, need)
			}
		}
	}
	var levels [][]string
	done := map[string]bool{}
	for len(done) < len(workloads) {
		var level []string
		for _, w := range workloads {
			if !done[w.Name] && !slices.ContainsFunc(w.Needs, func(n string) bool { return !done[n] }) {
				level = append(level, w.Name)
			}
		}
		if len(level) == 0 {
			return nil, fmt.Errorf("needs go in a circle (%s): remove one, since each app waits for the next to be healthy", circle(byName, done))
		}
		slices.Sort(level)
		for _, name := range level {
			done[name] = true
		}
		levels = append(levels, level)
	}
	return levels, nil
}

// circle walks from a workload that cannot start to one it meets twice.
func circle(byName map[string]Workload, done map[string]bool) string {
	var at string
	for name := range byName {
		if !done[name] && (at == "" || name < at) {
			at = name
		}
	}
	var path []string
	for !slices.Contains(path, at) {
		path = append(path, at)
		needs := byName[at].Needs
		at = needs[slices.IndexFunc(needs, func(n string) bool { return !done[n] })]
	}
	return strings.Join(append(path[slices.Index(path, at):], at), " → ")
}
