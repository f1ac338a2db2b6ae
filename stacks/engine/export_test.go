package engine

import "github.com/pulumi/pulumi/pkg/v3/resource"

// OnInterim lets f see what the interim state of an update had at its end, as
// "NAME ID", and "(to delete)" after what waits for its deletion.
func (e *Engine) OnInterim(f func(resources []string)) {
	e.onInterim = func(states []*resource.State) {
		var out []string
		for _, s := range states {
			line := string(s.URN) + " " + string(s.ID)
			if s.Delete {
				line += " (to delete)"
			}
			out = append(out, line)
		}
		f(out)
	}
}
