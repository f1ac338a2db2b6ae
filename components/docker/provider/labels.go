package provider

import (
	"fmt"
	"slices"
	"strings"
)

// The labels that say whose an object is, and those that this provider acts on.
const (
	labelExperiment = "dev.envctl.experiment"
	labelInstance   = "dev.envctl.instance"
	labelTarget     = "dev.envctl.target"

	// LabelReady on a container with `wait` has the server call Options.Ready.
	LabelReady = "dev.envctl.ready"
	// LabelPids is the highest number of processes in a container, which the
	// schema of the official plugin has no property for.
	LabelPids = "dev.envctl.pids"
	// LabelOOMScoreAdj is how gladly the kernel kills the container's processes
	// when memory is short, -1000 to 1000; the schema has no property for it.
	LabelOOMScoreAdj = "dev.envctl.oom-score-adj"
)

// label is how the schema writes one label.
type label struct {
	Label string `pulumi:"label"`
	Value string `pulumi:"value"`
}

func labelMap(list []label) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Label] = l.Value
	}
	return m
}

func labelList(m map[string]string) []label {
	list := make([]label, 0, len(m))
	for k, v := range m {
		list = append(list, label{k, v})
	}
	slices.SortFunc(list, func(a, b label) int { return strings.Compare(a.Label, b.Label) })
	return list
}

// owned says whether an object that has the labels got was made for the same
// experiment, instance and target as one with the labels want.
func owned(want, got map[string]string) bool {
	for _, k := range []string{labelExperiment, labelInstance, labelTarget} {
		if want[k] == "" || want[k] != got[k] {
			return false
		}
	}
	return true
}

// foreignError says that a name is somebody else's.
func foreignError(kind, name string, got map[string]string) error {
	who := "that envctl did not make"
	if e := got[labelExperiment]; e != "" {
		who = fmt.Sprintf("of experiment %q, instance %q", e, got[labelInstance])
	}
	return fmt.Errorf("name %q is taken by a %s %s: it is left as it is; "+
		"remove or rename it (`docker %s ls`, `docker %s rm`), or choose another experiment or instance name", name, kind, who, kind, kind)
}
