package docker

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// ownLabels is what the labels begin with that envctl gives a meaning to.
const ownLabels = "dev.envctl."

// claims are the labels that say whose a container is.
func claims() []string {
	return []string{ownLabels + "experiment", ownLabels + "kind", ownLabels + "owner", ownLabels + "target", ownLabels + "box"}
}

// imageLabels returns the labels of an image, which every container of it has that
// does not have them itself; none where the engine has it no more. What an ID names
// does not change, so each is asked for once.
func (e *Engine) imageLabels(ctx context.Context, id string) (map[string]string, error) {
	if known, ok := e.labels.Load(id); ok {
		return known.(map[string]string), nil
	}
	image, _, err := e.ResolveImage(ctx, id)
	return image.Labels, err
}

// withoutInherited leaves out the containers that have nothing of envctl's but what
// their image has: somebody's own containers of an image that envctl built, or that
// was committed from a container of envctl's. They are nobody's to remove.
func (e *Engine) withoutInherited(ctx context.Context, list []Container) ([]Container, error) {
	var out []Container
	for _, c := range list {
		if !slices.ContainsFunc(claims(), func(name string) bool { return c.Labels[name] != "" }) {
			out = append(out, c)
			continue
		}
		from, err := e.imageLabels(ctx, c.ImageID)
		if err != nil {
			return nil, err
		}
		if !maps.Equal(ours(c.Labels), ours(from)) {
			out = append(out, c)
		}
	}
	return out, nil
}

func ours(labels map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range labels {
		if strings.HasPrefix(name, ownLabels) {
			out[name] = value
		}
	}
	return out
}

// overrule completes the labels of a container, so that none of envctl's comes from its
// image: it could make the container another experiment's or another owner's.
func (e *Engine) overrule(ctx context.Context, image string, labels map[string]string) (map[string]string, error) {
	from, err := e.imageLabels(ctx, image)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(labels)
	for name := range ours(from) {
		if _, own := out[name]; !own {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = ""
		}
	}
	return out, nil
}
