package definition

import (
	"slices"
	"strings"
)

// circles reports apps that need each other, each circle once, at the need that closes it.
func (c *checker) circles() {
	done := map[string]bool{}
	var trail []string
	var visit func(id string)
	visit = func(id string) {
		trail = append(trail, id)
		for i, need := range c.def.Apps[id].Needs {
			if start := slices.Index(trail, need); start >= 0 {
				circle := strings.Join(append(slices.Clone(trail[start:]), need), " → ")
				c.val(itemPath(childPath("apps", id)+".needs", i), "the apps need each other in a circle: "+circle, "remove one of these needs")
				continue
			}
			if !done[need] {
				visit(need)
			}
		}
		trail = trail[:len(trail)-1]
		done[id] = true
	}
	for _, id := range sorted(c.def.Apps) {
		if !done[id] {
			visit(id)
		}
	}
}
