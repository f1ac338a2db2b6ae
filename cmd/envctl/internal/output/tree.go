package output

import (
	"time"

	"github.com/envctl/envctl/stacks"
)

// tree is what is known of each resource and phase, in the order of appearance.
type tree struct {
	nodes []*node
	index map[string]*node
}

// node is one resource or phase.
type node struct {
	last    stacks.Event // the newest event that was no line of a log
	begun   time.Time
	phase   *node  // the phase that was under way when it appeared; nil: none
	logLine string // the newest line of its log
}

func (n *node) running() bool { return n.last.State == stacks.StateRunning }

// hidden says that the node tells nothing new and has ended.
func (n *node) hidden() bool { return quiet(n.last) }

// elapsed is how long the node took or has taken until now, in seconds.
func (n *node) elapsed(now time.Time) float64 {
	if n.running() {
		return max(0, now.Sub(n.begun).Seconds())
	}
	return n.last.Seconds
}

// add takes in one event. A resource is known by kind and name, since a network
// and the experiment it is for may have the same name.
func (t *tree) add(e stacks.Event, now time.Time) {
	if t.index == nil {
		t.index = map[string]*node{}
	}
	if e.Type == stacks.EventLog {
		if n := t.find(e); n != nil {
			text := CleanLines(e.Message)
			n.logLine = text[len(text)-1]
		}
		return
	}
	key := e.Type + "\x00" + e.Kind + "\x00" + e.Resource
	if e.Type == stacks.EventPhase {
		key = e.Type + "\x00" + e.Phase + "\x00" + e.Resource
	}
	n := t.index[key]
	if n == nil {
		n = &node{begun: now, phase: t.phase(e)}
		t.index[key] = n
		t.nodes = append(t.nodes, n)
	} else if !n.running() && e.State == stacks.StateRunning {
		n.begun, n.logLine = now, ""
	}
	if e.Parent == "" {
		e.Parent = n.last.Parent
	}
	n.last = e
}

// phase returns the newest phase that is under way, which a new resource is shown
// below. A phase itself is a root.
func (t *tree) phase(e stacks.Event) *node {
	if e.Type != stacks.EventResource {
		return nil
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		if n := t.nodes[i]; n.last.Type == stacks.EventPhase && n.running() {
			return n
		}
	}
	return nil
}

// find returns the node that a line of a log belongs to: the newest running one of
// that name, else of that phase.
func (t *tree) find(e stacks.Event) *node {
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := t.nodes[i]
		if n.running() && (e.Resource != "" && n.last.Resource == e.Resource ||
			e.Resource == "" && e.Phase != "" && n.last.Phase == e.Phase) {
			return n
		}
	}
	return nil
}

// row is one node with its depth below the roots.
type row struct {
	node  *node
	depth int
}

// rows lists the nodes that are to be shown, children after their parents. A node
// whose parent is unknown or is its own descendant is a root.
func (t *tree) rows() []row {
	children := map[*node][]*node{}
	var roots []*node
	for _, n := range t.nodes {
		if p := t.parent(n); p != nil {
			children[p] = append(children[p], n)
		} else {
			roots = append(roots, n)
		}
	}
	var out []row
	seen := map[*node]bool{}
	var walk func(ns []*node, depth int)
	walk = func(ns []*node, depth int) {
		for _, n := range ns {
			if seen[n] {
				continue
			}
			seen[n] = true
			at := len(out)
			out = append(out, row{n, depth})
			walk(children[n], depth+1)
			switch below := out[at+1:]; {
			case !n.hidden():
			case n.last.Type == stacks.EventPhase && len(below) > 0: // it holds them together
			default:
				for i := range below {
					below[i].depth--
				}
				out = append(out[:at], below...)
			}
		}
	}
	walk(roots, 0)
	for _, n := range t.nodes { // what a circle of parents left out
		walk([]*node{n}, 0)
	}
	return out
}

// parent returns the resource that is named as the parent, else the phase.
func (t *tree) parent(n *node) *node {
	if n.last.Parent == "" || n.last.Type != stacks.EventResource {
		return n.phase
	}
	for _, p := range t.nodes {
		if p != n && p.last.Type == stacks.EventResource && p.last.Resource == n.last.Parent && p.last.Parent != n.last.Resource {
			return p
		}
	}
	return n.phase
}
