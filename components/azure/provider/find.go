package provider

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// defaults are the API versions of tokens without one, as in 2.90; a type that
// differs from its module stands by its own name.
func defaults() map[string]string {
	return map[string]string{
		"app":                          "2022-10-01",
		"app:Job":                      "2023-04-01-preview",
		"authorization":                "2022-04-01",
		"authorization:RoleDefinition": "2022-05-01-preview",
		"cognitiveservices":            "2023-05-01",
		"consumption":                  "2023-05-01",
		"containerregistry":            "2022-12-01",
		"insights":                     "2023-01-01",
		"keyvault":                     "2023-02-01",
		"managedidentity":              "2023-01-31",
		"network":                      "2023-02-01",
		"operationalinsights":          "2022-10-01",
		"resources":                    "2022-09-01",
		"storage":                      "2022-09-01",
	}
}

// token is a parsed resource or function token.
type token struct{ module, api, name string }

// parseToken takes "azure-native:app/v20240301:ContainerApp" apart.
func parseToken(s string) (token, bool) {
	m := regexp.MustCompile(`^azure-native:([a-z]+)(?:/v(\d{4})(\d{2})(\d{2})([a-z]*))?:(\w+)$`).FindStringSubmatch(s)
	if m == nil {
		return token{}, false
	}
	t := token{module: m[1], name: m[6]}
	if m[2] != "" {
		t.api = m[2] + "-" + m[3] + "-" + m[4]
		if m[5] != "" {
			t.api += "-" + m[5]
		}
		return t, true
	}
	d := defaults()
	if t.api = d[t.module+":"+t.name]; t.api == "" {
		t.api = d[t.module]
	}
	return t, true
}

// tables are the tables that have been asked for.
type tables struct {
	mu     sync.Mutex
	loaded map[string]table
}

// find returns a resource type by its token.
func (ts *tables) find(tok string) (*resourceType, error) {
	t, ok := parseToken(tok)
	if !ok {
		return nil, fmt.Errorf("resource type %q is not a token of the azure-native provider: "+
			"expected azure-native:MODULE[/vYYYYMMDD]:Type", tok)
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	key := t.module + "@" + t.api
	tab, ok := ts.loaded[key]
	if !ok {
		var err error
		if tab, err = loadTable(t.module, t.api); err != nil {
			return nil, notImplemented(tok)
		}
		if ts.loaded == nil {
			ts.loaded = map[string]table{}
		}
		ts.loaded[key] = tab
	}
	r, ok := tab[t.name]
	if !ok {
		return nil, notImplemented(tok)
	}
	return r, nil
}

// wayOut is how to mend what this provider does not implement.
const wayOut = "set ENVCTL_PROVIDERS=official to use Pulumi's own azure-native plugin"

func notImplemented(tok string) error {
	return fmt.Errorf("resource type %q is not implemented by envctl's azure-native provider, which has %s "+
		"in the versions that envctl uses: %s", tok, strings.Join(modules(), ", "), wayOut)
}

// modules are those with a table.
func modules() []string {
	entries, err := tableFiles.ReadDir("tables")
	if err != nil { // the files are in the program
		return nil
	}
	var out []string
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), "@")
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
