package provider

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/azure/armsim/keytrees"
)

// What envctl's own programs register passes the check, and makes bodies that
// Microsoft's specifications take, values included.
func TestProgramsPass(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/*.golden")
	must(t, err)
	header := regexp.MustCompile(`(?m)^(azure-native:\S+) (\S+)\n`)
	trees := keytrees.Load()
	n := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		must(t, err)
		text := string(raw)
		for _, at := range header.FindAllStringSubmatchIndex(text, -1) {
			token, name := text[at[2]:at[3]], text[at[4]:at[5]]
			rest := text[at[1]:]
			start := strings.Index(rest, "\n  {\n")
			if strings.HasPrefix(rest, "  {\n") {
				start = -1
			}
			var in obj
			must(t, json.NewDecoder(strings.NewReader(rest[start+1:])).Decode(&in))
			r := resourceOf(t, testServer(t, newFake()), token, name)
			checked, fails := r.check(secretly(in))
			for _, f := range fails {
				t.Errorf("%s: %s %s: %s", file, token, name, f.GetReason())
			}
			rt, err := r.srv.typeOf(r.urn)
			must(t, err)
			body, err := rt.body(unpack(t, checked))
			must(t, err)
			problems, err := trees.Check(treeOf(rt), clone(body))
			must(t, err)
			for _, p := range problems {
				t.Errorf("%s: %s %s: %s %s", file, token, name, p.Path, p.Text)
			}
			n++
		}
	}
	if n < 50 {
		t.Errorf("only %d registrations were found in %v", n, files)
	}
}

// secretly makes inputs of JSON in which {"[secret]": x} is a secret.
func secretly(in obj) property.Map {
	out := map[string]property.Value{}
	for k, v := range in {
		out[k] = secretValue(v)
	}
	return property.NewMap(out)
}

func secretValue(v any) property.Value {
	switch v := v.(type) {
	case obj:
		if s, ok := v["[secret]"]; ok && len(v) == 1 {
			return secretValue(s).WithSecret(true)
		}
		return property.New(secretly(v))
	case []any:
		out := make([]property.Value, len(v))
		for i, e := range v {
			out[i] = secretValue(e)
		}
		return property.New(property.NewArray(out))
	}
	return fromJSON(v)
}
