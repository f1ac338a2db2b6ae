package output

import (
	"encoding/json"
	"testing"
)

// A name that a program chose is in JSON what it is, and nothing that a terminal obeys.
func TestJSONHasNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	name := "a\u009b31m\x7f\u202e\u2069\x1b[0m\u00e9\u65e5\\\" \U0001f600 <&>"
	text, err := marshal(map[string]any{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	if want := Clean(string(text)); string(text) != want {
		t.Errorf("%q, of which a terminal may have %q", text, want)
	}
	var back map[string]string
	if err := json.Unmarshal(text, &back); err != nil || back["name"] != name {
		t.Errorf("%q comes back as %q, %v", name, back["name"], err)
	}
}
