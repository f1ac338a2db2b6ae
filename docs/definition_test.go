package docs

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/policies"
)

// schemaTable is a table of keys: of the definition itself or of one of its parts.
type schemaTable struct {
	title string
	keys  yaml.MapSlice // key to schema
	needs []string
}

// TestGeneratedDefinition makes the tables of every key from the JSON Schema.
func TestGeneratedDefinition(t *testing.T) {
	t.Parallel()
	schema, err := definition.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var ordered yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(schema, &ordered, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	parts := member(ordered, "$defs").(yaml.MapSlice)
	part := func(name, title string) schemaTable {
		s := member(parts, name).(yaml.MapSlice)
		return schemaTable{title, member(s, "properties").(yaml.MapSlice), words(member(s, "required"))}
	}
	app, job := part("App", "Only apps: `apps.NAME`"), part("Job", "Only jobs: `jobs.NAME`")
	both := common(&app, &job)
	tables := []schemaTable{
		{"Top level", member(ordered, "properties").(yaml.MapSlice), words(member(ordered, "required"))},
		{"Apps and jobs: `apps.NAME`, `jobs.NAME`", both, nil}, app, job,
		part("Build", "`build`"), part("Ingress", "`ingress`"), part("Health", "`health`"), part("Scale", "`scale`"),
		part("Model", "`models.NAME`"), part("Price", "`models.NAME.price`"), part("Secret", "`secrets.NAME`"), part("Budget", "`budget`"),
		part("Targets", "`targets`"), part("Local", "`targets.local`"), part("LocalModels", "`targets.local.models`"), part("LocalEgress", "`targets.local.egress`"),
		part("Azure", "`targets.azure`"), part("Registry", "`registry` (Platform)"), part("Environment", "`environment` (Platform)"),
	}
	if len(tables) != len(parts)-1+2 { // without Resources, which has no keys; with the top level and what apps and jobs share
		t.Errorf("%d tables of %d parts of the schema: a new part needs a table", len(tables), len(parts))
	}
	var b strings.Builder
	for _, table := range tables {
		table.write(&b)
	}
	generated(t, "docs/definition.md", "schema", b.String())
}

func (s schemaTable) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n", s.title)
	row(b, "key", "type", "default", "bounds", "what it is")
	row(b, "---", "---", "---", "---", "---")
	for _, k := range s.keys {
		key, v := k.Key.(string), k.Value.(yaml.MapSlice)
		preset := "–"
		if slices.Contains(s.needs, key) {
			preset = "required"
		}
		if d := member(v, "default"); d != nil {
			preset = "`" + strings.ReplaceAll(fmt.Sprint(d), " ", ", ") + "`"
		}
		about, _ := member(v, "description").(string)
		switch { // what is absent is the zero value, which a schema has no default for
		case preset != "–" || strings.Contains(about, "when absent"):
		case member(v, "type") == "boolean":
			preset = "`false`"
		case member(v, "type") == "integer" && fmt.Sprint(member(v, "minimum")) == "0":
			preset = "`0`"
		}
		row(b, "`"+key+"`", kind(v), preset, bounds(v), strings.NewReplacer("*", `\*`, "<", `\<`).Replace(about))
	}
}

// common takes the keys that two parts have alike out of both.
func common(a, b *schemaTable) yaml.MapSlice {
	var both yaml.MapSlice
	for _, k := range a.keys {
		if reflect.DeepEqual(k.Value, member(b.keys, k.Key.(string))) {
			both = append(both, k)
		}
	}
	alike := func(k yaml.MapItem) bool { return member(both, k.Key.(string)) != nil }
	a.keys, b.keys = slices.DeleteFunc(slices.Clone(a.keys), alike), slices.DeleteFunc(slices.Clone(b.keys), alike)
	return both
}

// kind is the type of a value in words.
func kind(v yaml.MapSlice) string {
	if ref, ok := member(v, "$ref").(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		return "keys of [" + strings.ToLower(name) + "](#" + anchor(name) + ")"
	}
	switch member(v, "type") {
	case "array":
		return "list of " + strings.Replace(kind(member(v, "items").(yaml.MapSlice)), "integer", "integers", 1)
	case "object":
		return "map of names to " + kind(member(v, "additionalProperties").(yaml.MapSlice))
	case "boolean":
		return "true or false"
	case "string":
		if pattern, _ := member(v, "pattern").(string); strings.HasPrefix(pattern, "^(?:[^$]|") {
			return "text, with `${NAME}`"
		}
		return "text"
	case nil:
		return "text"
	}
	return fmt.Sprint(member(v, "type"))
}

// anchor is where the table of a part is.
func anchor(part string) string {
	if part == "App" || part == "Job" {
		return "apps-and-jobs-appsname-jobsname"
	}
	return map[string]string{
		"Budget": "budget", "Build": "build", "Ingress": "ingress", "Health": "health", "Scale": "scale", "Model": "modelsname", "Price": "modelsnameprice", "LocalEgress": "targetslocalegress",
		"Secret": "secretsname", "Targets": "targets", "Local": "targetslocal", "LocalModels": "targetslocalmodels",
		"Azure": "targetsazure", "Registry": "registry-platform", "Environment": "environment-platform",
	}[part]
}

// longList is the number of values from which on a description is clearer.
const longList = 8

// bounds are the limits of a value, or of the items of a list.
func bounds(v yaml.MapSlice) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if items, ok := member(v, "items").(yaml.MapSlice); ok {
		if b := bounds(items); b != "–" {
			add("each: %s", b)
		}
	}
	for _, alternative := range append([]any{v}, list(member(v, "anyOf"))...) {
		a, ok := alternative.(yaml.MapSlice)
		if !ok {
			continue
		}
		if values := list(member(a, "enum")); len(values) > 0 && len(values) < longList {
			quoted := make([]string, len(values))
			for i, x := range values {
				quoted[i] = fmt.Sprintf("`%v`", x)
			}
			add("%s", strings.Join(quoted, ", "))
		}
		if most := member(a, "maxLength"); most != nil && fmt.Sprint(most) != "0" {
			add("at most %v characters", most)
		}
	}
	least, most := member(v, "minimum"), member(v, "maximum")
	switch above := member(v, "exclusiveMinimum"); {
	case least != nil && most != nil:
		add("%v to %v", least, most)
	case above != nil && most != nil:
		add("above %v, at most %v", above, most)
	}
	if step := member(v, "multipleOf"); step != nil {
		add("steps of %v", step)
	}
	if n := member(v, "maxItems"); n != nil {
		add("at most %v", n)
	}
	if member(v, "uniqueItems") == true {
		add("no doubles")
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, "; ")
}

func member(m yaml.MapSlice, key string) any {
	for _, item := range m {
		if item.Key == key {
			return item.Value
		}
	}
	return nil
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func words(v any) []string {
	var out []string
	for _, w := range list(v) {
		out = append(out, w.(string))
	}
	return out
}

// TestDefinitions reads every definition that a page shows: one with a name is whole.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	found := 0
	for _, page := range pages(t) {
		for _, b := range fences(t, page) {
			if b.info != "yaml" || !strings.Contains("\n"+b.text, "\nname: ") || strings.Contains(b.text, "\non:") {
				continue
			}
			found++
			o := definition.ReadOptions{File: page, Dir: root, Lookup: os.LookupEnv}
			if _, err := definition.Read([]byte(b.text), o); err != nil {
				t.Errorf("%s:%d: %v", page, b.line, err)
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d definitions", found)
	}
}

// TestPolicies holds that the table of rules is the rules.
func TestPolicies(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, r := range policies.Rules() {
		want = append(want, fmt.Sprintf("`%s` %s %s", r.ID, r.Severity, r.Title))
	}
	for _, cells := range table(t, "docs/definition.md", "rule") {
		got = append(got, strings.Join(cells[:3], " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page has\n%s\nthe rules are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
