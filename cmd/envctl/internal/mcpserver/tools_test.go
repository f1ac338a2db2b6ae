package mcpserver_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
)

func listTools(t *testing.T, r *rig) []*mcp.Tool {
	t.Helper()
	list, err := r.client.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return list.Tools
}

func TestTools(t *testing.T) {
	t.Parallel()
	tools := listTools(t, newBare(t, nil))
	want := []string{
		"create", "destroy", "exec", "exec_poll", "exec_start", "exec_stop", "fetch_results", "list", "read_file", "run", "status", "write_file",
	}
	var names []string
	for _, tool := range tools {
		names = append(names, tool.Name)
		// A client's name for it, as mcp__envctl__run, has at most 64 characters
		// everywhere, and starts with a letter.
		if !regexp.MustCompile(`^[a-z][a-z_]{1,30}$`).MatchString(tool.Name) {
			t.Errorf("name %q", tool.Name)
		}
		if tool.Description == "" || len(tool.Description) > 1000 || tool.Title == "" {
			t.Errorf("%s: title %q, description of %d bytes", tool.Name, tool.Title, len(tool.Description))
		}
		checkAnnotations(t, tool)
		checkSchemas(t, tool)
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("tools %q, expected %q", names, want)
	}
	all, err := json.Marshal(tools)
	if err != nil || len(all) > 40_000 {
		t.Errorf("the list of tools has %d bytes, %v: all of it is read by every model", len(all), err)
	}
	t.Logf("the list of tools has %d bytes", len(all))
}

func checkAnnotations(t *testing.T, tool *mcp.Tool) {
	t.Helper()
	reads := slices.Contains([]string{"list", "status", "exec_poll", "read_file"}, tool.Name)
	runs := slices.Contains([]string{"run", "exec", "exec_start", "fetch_results"}, tool.Name)
	a := tool.Annotations
	if a == nil || a.DestructiveHint == nil || a.OpenWorldHint == nil {
		t.Fatalf("%s: annotations %+v", tool.Name, a)
	}
	if a.ReadOnlyHint != reads || runs && (!*a.DestructiveHint || !*a.OpenWorldHint) || reads && *a.DestructiveHint {
		t.Errorf("%s: annotations %+v", tool.Name, a)
	}
}

// Every object is closed, every property of an argument is described, and every
// answer says whose it is.
func checkSchemas(t *testing.T, tool *mcp.Tool) {
	t.Helper()
	in, ok := tool.InputSchema.(map[string]any)
	if !ok || in["type"] != "object" || in["additionalProperties"] == nil {
		t.Errorf("%s: input schema %v", tool.Name, tool.InputSchema)
	}
	out, ok := tool.OutputSchema.(map[string]any)
	if !ok || out["type"] != "object" {
		t.Fatalf("%s: output schema %v", tool.Name, tool.OutputSchema)
	}
	properties, _ := out["properties"].(map[string]any)
	required, _ := out["required"].([]any)
	for _, name := range []string{"box", "expires_at", "spend_usd", "budget_left_usd"} {
		if properties[name] == nil || !slices.Contains(required, any(name)) {
			t.Errorf("%s: the output schema does not promise %s", tool.Name, name)
		}
	}
}

func TestWhatIsNotAllowedIsRefused(t *testing.T) {
	t.Parallel()
	r := newBare(t, nil)
	for name, tt := range map[string]struct {
		tool string
		args object
		want string
	}{
		"another image":         {"create", object{"image": "alpine"}, `image "alpine" is not allowed`},
		"an image in disguise":  {"create", object{"image": "tool@sha256:" + strings.Repeat("0", 64)}, "is not allowed"},
		"no image":              {"create", object{}, "neither an image nor a language"},
		"another language":      {"create", object{"language": "cobol"}, `language "cobol" is not known`},
		"memory":                {"create", object{"image": "tool", "memory_mb": 1 << 20}, "2048 MiB at most"},
		"memory below 0":        {"create", object{"image": "tool", "memory_mb": -1}, "out of range"},
		"memory that overflows": {"create", object{"image": "tool", "memory_mb": 1 << 50}, "out of range"},
		"processors":            {"create", object{"image": "tool", "cpu": 64}, "2 cores at most"},
		"time":                  {"create", object{"image": "tool", "ttl_seconds": 1e9}, "14400 seconds at most"},
		"privileges":            {"create", object{"image": "tool", "privileged": true}, "privileged"},
		"a network":             {"create", object{"image": "tool", "network": "host"}, "network"},
		"mounts":                {"create", object{"image": "tool", "mounts": []string{"/:/host"}}, "mounts"},
		"a user":                {"exec", object{"box": "b-x", "command": []string{"id"}, "user": "root"}, "user"},
		"no box":                {"exec", object{"box": "b-x", "command": []string{"id"}}, `there is no box "b-x"`},
		"a container":           {"destroy", object{"box": 7}, "box"},
		"a box that is a path":  {"status", object{"box": "../../x"}, "no engine"},
		"nothing to run":        {"run", object{"language": "python"}, "there is nothing to run"},
		"two things to run":     {"run", object{"language": "python", "code": "x", "command": []string{"y"}}, "both code and command"},
		"code of no language":   {"run", object{"code": "x"}, "language of the code"},
		"another image to run":  {"run", object{"image": "alpine", "command": []string{"x"}}, "is not allowed"},
		"a type":                {"exec", object{"box": "b-x", "command": "rm -rf /"}, "command"},
		"a missing argument":    {"read_file", object{"box": "b-x"}, "path"},
		"a time limit":          {"exec", object{"box": "b-x", "command": []string{"x"}, "timeout_seconds": -1}, "timeout_seconds -1"},
	} {
		if name == "a box that is a path" {
			continue // needs an engine
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text := r.fails(tt.tool, tt.args); !strings.Contains(text, tt.want) {
				t.Errorf("%q, expected %q in it", text, tt.want)
			}
		})
	}
}

func TestErrorsSayHowToMendThem(t *testing.T) {
	t.Parallel()
	r := newBare(t, nil)
	text := r.fails("create", object{"image": "a\x1b[31mlpine\u202e"})
	if strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, "\nTo mend it: ") || !strings.Contains(text, "the images are tool, tool:python") {
		t.Errorf("%q", text)
	}
}

// An answer of hostile text stays below the limit and clean.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"\x1b[31mred\x1b[0m", "a\r\nb\tc", "\u202egnp.exe", "\x9b1m", "\U000e0041", "\xff\xfe", "\x1b]8;;http://x\x07y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := mcpserver.Clean(s)
		for _, c := range got {
			if c < 0x20 && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 || c >= 0xe0000 && c < 0xe0080 || c >= 0x202a && c <= 0x202e || c == 0x200b {
				t.Errorf("%q of %q has %U", got, s, c)
			}
		}
		if again := mcpserver.Clean(got); again != got {
			t.Errorf("%q, cleaned again %q", got, again)
		}
	})
}
