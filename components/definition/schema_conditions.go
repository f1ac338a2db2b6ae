package definition

import (
	"encoding/json"
	"strconv"

	"github.com/invopop/jsonschema"
)

// addConditions adds the rules that need more than one key, as check.go has them.
func addConditions(root *jsonschema.Schema) {
	kindConditions(root)
	root.Definitions["Resources"] = pairs()
	for _, workload := range []string{"App", "Job"} {
		s := root.Definitions[workload]
		s.AllOf = append(s.AllOf, oneImage(), &jsonschema.Schema{Ref: "#/$defs/Resources"})
		memory, _ := s.Properties.Get("memory")
		memory.Pattern, memory.MinLength = "", nil
		for quarters := 1; quarters <= quartersMost; quarters++ {
			memory.Enum = append(memory.Enum, spellings(quarters)...)
		}
	}
	root.Definitions["App"].DependentRequired = map[string][]string{"health": {"ingress"}}
	one := uint64(1)
	root.Definitions["Secret"].MinProperties, root.Definitions["Secret"].MaxProperties = &one, &one
	root.Definitions["LocalModels"].AllOf = providers()
}

// kindConditions give each kind its keys, and an experiment something to do.
func kindConditions(root *jsonschema.Schema) {
	platform := with("kind", &jsonschema.Schema{Const: string(KindPlatform)})
	platform.Required = []string{"kind"}
	root.If, root.Then, root.Else = platform, without(experimentKeys()...), without(platformKeys()...)
	one := uint64(1)
	for _, key := range []string{"apps", "jobs", "models"} {
		some := with(key, &jsonschema.Schema{MinProperties: &one})
		some.Required = []string{key}
		root.Else.AnyOf = append(root.Else.AnyOf, some)
	}
}

func with(key string, s *jsonschema.Schema) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set(key, s)
	return &jsonschema.Schema{Properties: properties}
}

func without(keys ...string) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	for _, key := range keys {
		properties.Set(key, jsonschema.FalseSchema)
	}
	return &jsonschema.Schema{Properties: properties}
}

// oneImage is exactly one of build and image; an empty image is none.
func oneImage() *jsonschema.Schema {
	built := with("image", emptyString())
	built.Required = []string{"build"}
	ready := with("image", filledString())
	ready.Properties.Set("build", jsonschema.FalseSchema)
	ready.Required = []string{"image"}
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{built, ready}}
}

// quartersMost is 4 cores in quarters.
const quartersMost = 16

// pairs are cpu and memory as Container Apps accepts them; one alone gives the other.
func pairs() *jsonschema.Schema {
	out := &jsonschema.Schema{}
	for _, key := range []string{"cpu", "memory"} {
		out.AnyOf = append(out.AnyOf, without(key))
	}
	for quarters := 1; quarters <= quartersMost; quarters++ {
		pair := with("cpu", &jsonschema.Schema{Const: json.Number(strconv.FormatFloat(float64(quarters)/4, 'f', -1, 64))})
		pair.Properties.Set("memory", &jsonschema.Schema{Enum: spellings(quarters)})
		out.AnyOf = append(out.AnyOf, pair)
	}
	return out
}

// spellings are all ways to write the memory of some quarters of a core: in Gi, Mi and Ki.
func spellings(quarters int) []any {
	gi := strconv.Itoa(quarters / 2)
	if quarters%2 == 1 {
		gi += ".5"
	}
	return []any{gi + "Gi", strconv.Itoa(quarters*512) + "Mi", strconv.Itoa(quarters*512*1024) + "Ki"}
}

// providers are the keys that each provider of local models needs and refuses.
func providers() []*jsonschema.Schema {
	no := func() *jsonschema.Schema {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{emptyString(), template()}}
	}
	rule := func(provider string, needs string, refuses ...string) *jsonschema.Schema {
		condition := with("provider", &jsonschema.Schema{Const: provider})
		condition.Required = []string{"provider"}
		then := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
		for _, key := range refuses {
			then.Properties.Set(key, no())
		}
		if needs != "" {
			then.Properties.Set(needs, filledString())
			then.Required = []string{needs}
		}
		return &jsonschema.Schema{If: condition, Then: then}
	}
	return []*jsonschema.Schema{rule("openai", "", "file"), rule("azure", "url", "file"), rule("replay", "file"), rule("echo", "", "url", "file")}
}
