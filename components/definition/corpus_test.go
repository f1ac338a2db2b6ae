package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the .want files anew")

// environment is the caller's environment of every test.
func environment(name string) (string, bool) {
	value, ok := map[string]string{
		"SET":              "value",
		"SET_BAD":          "not one word",
		"SET_HOST":         "tcp://127.0.0.1:2375",
		"SET_SUBSCRIPTION": "00000000-0000-0000-0000-000000000001",
	}[name]
	return value, ok
}

func corpus(t testing.TB, folder string, least int) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < least {
		t.Fatalf("testdata/%s has %d files, want at least %d", folder, len(files), least)
	}
	return files
}

func contents(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("envctl.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("envctl.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// instance is what an editor sees of a file: decoded by the library alone.
func instance(t testing.TB, data []byte) any {
	t.Helper()
	var document any
	if err := yaml.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &document); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestValid(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	for _, file := range corpus(t, "valid", 20) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			def, err := ReadFile(file, ReadOptions{Lookup: environment})
			if err != nil {
				t.Errorf("Read refuses it:\n%v", err)
			}
			if err := schema.Validate(instance(t, contents(t, file))); err != nil {
				t.Errorf("the schema refuses it:\n%#v", err)
			}
			if def != nil {
				roundTrip(t, def)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	for _, c := range []struct {
		folder        string
		least         int
		schemaAccepts bool
	}{{"invalid", 200, false}, {"invalid-semantic", 30, true}} {
		for _, file := range corpus(t, c.folder, c.least) {
			t.Run(c.folder+"/"+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				data := contents(t, file)
				golden(t, file, data)
				err := schema.Validate(instance(t, data))
				if c.schemaAccepts && err != nil {
					t.Errorf("the schema can express it after all (move the file):\n%v", err)
				}
				if !c.schemaAccepts && err == nil {
					t.Error("the schema accepts what Read refuses")
				}
			})
		}
	}
}

func TestInvalidText(t *testing.T) {
	t.Parallel()
	for _, file := range corpus(t, "invalid-text", 20) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			golden(t, file, contents(t, file))
		})
	}
}

// golden compares the problems of a file with its .want.
func golden(t *testing.T, file string, data []byte) {
	t.Helper()
	def, err := Read(data, ReadOptions{File: filepath.Base(file), Lookup: environment})
	var problems Problems
	if def != nil || !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("Read = %v, %v; want problems", def, err)
	}
	got, want := problems.Error()+"\n", strings.TrimSuffix(file, ".yaml")+".want"
	if *update {
		if err := os.WriteFile(want, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(contents(t, want)), got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// roundTrip holds that what Marshal writes is read back equal.
func roundTrip(t *testing.T, def *Definition) {
	t.Helper()
	text, err := Marshal(def)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte(SchemaLine)) {
		t.Errorf("no schema line in\n%s", text)
	}
	again, err := Read(text, ReadOptions{Dir: def.Dir})
	if err != nil {
		t.Fatalf("what Marshal wrote is refused: %v\n%s", err, text)
	}
	if diff := cmp.Diff(def, again); diff != "" {
		t.Errorf("not equal after a round trip (-first +again):\n%s\n%s", diff, text)
	}
	if Hash(def) != Hash(again) {
		t.Error("equal definitions have different hashes")
	}
}
