package output

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envctl/envctl/stacks"
)

// Outputs is the result of outputs.
type Outputs struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command"`
	stacks.Ref
	Outputs stacks.Outputs `json:"outputs"`
}

// NewOutputs wraps o, the outputs of ref.
func NewOutputs(ref stacks.Ref, o stacks.Outputs) Outputs {
	return Outputs{stacks.SchemaVersion, "outputs", ref, o}
}

// WriteText prints KEY=VALUE, sorted by key.
func (o Outputs) WriteText(p *Page) {
	flat := o.Flat()
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		p.Line("%s=%s", key, flat[key])
	}
}

// Flat returns each output under the path that it has in JSON, e.g. apps.api.url.
func (o Outputs) Flat() map[string]string {
	flat := map[string]string{"environment": o.Outputs.Environment, "registry": o.Outputs.Registry}
	for app, v := range o.Outputs.Apps {
		flat["apps."+app+".url"], flat["apps."+app+".image"] = v.URL, v.Image
	}
	for job, v := range o.Outputs.Jobs {
		flat["jobs."+job+".image"] = v.Image
	}
	for model, v := range o.Outputs.Models {
		flat["models."+model] = v
	}
	maps.DeleteFunc(flat, func(_, v string) bool { return v == "" })
	return flat
}

// Find returns the output called key. A key may be shortened to an app's name, for
// its address. The error lists the keys there are.
func (o Outputs) Find(key string) (Value, error) {
	flat := o.Flat()
	for _, k := range []string{key, "apps." + key + ".url"} {
		if v, ok := flat[k]; ok {
			return Value{stacks.SchemaVersion, "outputs", k, v}, nil
		}
	}
	return Value{}, fmt.Errorf("no output is called %q; there are %s", key, strings.Join(slices.Sorted(maps.Keys(flat)), ", "))
}

// Value is one output.
type Value struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command"`
	Key           string `json:"key"`
	Value         string `json:"value"`
}

// WriteText prints the bare value.
func (v Value) WriteText(p *Page) { p.Line("%s", v.Value) }
