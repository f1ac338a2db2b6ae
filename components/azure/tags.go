package azure

import (
	"maps"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/native"
	"github.com/envctl/envctl/components/plan"
)

// maxTag is how many characters Azure lets a tag's value have.
const maxTag = 256

// Tags are those of a resource: kind and component may be empty. The hash of the
// definition is on the resource group alone, since it changes with every edit and
// a tag is written by writing the whole resource anew.
func (s *Stack) Tags(spec plan.Spec, kind, component string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, s.Settings.Tags)
	out[TagExperiment], out[TagInstance], out[TagTarget] = spec.Experiment, spec.Instance, plan.Azure
	for tag, value := range map[string]string{TagOwner: s.Settings.Owner, TagKind: kind, TagComponent: component} {
		if value != "" {
			out[tag] = value
		}
	}
	if !spec.Expires.IsZero() {
		out[TagExpires] = spec.Expires.UTC().Format(time.RFC3339)
	}
	for tag, value := range out {
		out[tag] = cut(value, maxTag)
	}
	return out
}

// cut shortens s to most bytes, at the end of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := 0
	for i := range s {
		if i > most {
			break
		}
		end = i
	}
	return s[:end]
}

// in says where a resource of the stack lives and what its tags are.
func (e *environment) in(kind, component string) native.Group {
	return native.Group{
		ResourceGroupName: e.group, Location: e.stack.Settings.Location, Tags: e.tags(kind, component),
	}
}

func (e *environment) tags(kind, component string) pulumi.StringMap {
	return pulumi.ToStringMap(e.stack.Tags(e.spec, kind, component))
}
