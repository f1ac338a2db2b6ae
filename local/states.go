package local

import (
	"context"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

// States implements [stacks.Target].
func (t *Target) States(ctx context.Context) (map[stacks.Ref]stacks.State, error) {
	list, err := t.Engine.Containers(ctx, docker.Filter{Labels: map[string]string{target.LabelTarget: target.Target}})
	if err != nil {
		return nil, err
	}
	out := map[stacks.Ref]stacks.State{}
	for _, c := range list {
		ref := stacks.Ref{
			Experiment: c.Labels[target.LabelExperiment], Instance: c.Labels[target.LabelInstance], Target: target.Target,
		}
		if ref.Experiment == "" || ref.Instance == "" {
			continue
		}
		st := out[ref]
		switch {
		case c.Labels[target.LabelKind] != "app":
		case c.State == "running":
			st.Apps++
		default:
			st.Stopped++
		}
		out[ref] = st
	}
	return out, nil
}
