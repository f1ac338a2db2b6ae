package mcpserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/oneshot/language"
)

// tool is the static program of the tests' image: that of package box.
var tool = dockertest.Program("github.com/envctl/envctl/local/box/testdata/tool")

// images has one image under two names.
type images struct{ id string }

func (i images) Resolve(_ context.Context, ref string) (string, error) {
	if i.id == "" {
		return "", errors.New("there is no engine in this test")
	}
	return i.id, nil
}

func (i images) WithPackages(context.Context, string, string, []string) (string, map[string]string, error) {
	return "", nil, errors.New("no packages in this test")
}

// rig is a server with a client in the same process.
type rig struct {
	t       testing.TB
	config  mcpserver.Config
	server  *mcp.Server
	client  *mcp.ClientSession
	project string
	notes   chan *mcp.ProgressNotificationParams
}

// newBare has no engine behind it: for what is decided before one is asked.
func newBare(t testing.TB, change func(*mcpserver.Config)) *rig {
	t.Helper()
	r := &rig{t: t, project: t.TempDir(), notes: make(chan *mcp.ProgressNotificationParams, 100)}
	root, err := os.OpenRoot(r.project)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	policy := mcpserver.DefaultPolicy()
	policy.DefaultMemory = 96 << 20
	policy.Images = []string{"tool"}
	policy.Languages = language.Table{".py": {Image: "tool:python", Command: []string{"/tool", "script"}}}
	r.config = mcpserver.Config{
		Version: "test", Policy: policy, Project: root, Log: slog.New(slog.DiscardHandler), Images: images{},
		Boxes: &box.Manager{Owner: "here/mcptest", Gone: func(string) bool { return false }, Most: 30, Now: time.Now},
	}
	if change != nil {
		change(&r.config)
	}
	r.server = mcpserver.New(r.config)
	here, there := mcp.NewInMemoryTransports()
	if _, err := r.server.Connect(t.Context(), here, nil); err != nil {
		t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, n *mcp.ProgressNotificationClientRequest) { r.notes <- n.Params },
	})
	if r.client, err = client.Connect(t.Context(), there, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.client.Close() })
	return r
}

func newRig(t testing.TB) *rig {
	t.Helper()
	e, own, id := testImage(t)
	return newBare(t, func(c *mcpserver.Config) {
		c.Images = images{id}
		c.Boxes.Engine, c.Boxes.Labels, c.Boxes.Owner = e, own, "here/"+own[dockertest.Label]
	})
}

// testImage makes an image of the tool; what has the labels is removed at the end.
func testImage(t testing.TB) (*docker.Engine, map[string]string, string) {
	t.Helper()
	e := dockertest.Engine(t)
	own := dockertest.Labels(t, e)
	return e, own, dockertest.Image(t, e, own, tool(t)).ID
}

// object is a structured result.
type object map[string]any

func (o object) text(name string) string  { s, _ := o[name].(string); return s }
func (o object) number(name string) int64 { n, _ := o[name].(float64); return int64(n) }
func (o object) in(name string) object    { m, _ := o[name].(map[string]any); return m }

// call calls a tool and returns its structured result and its text.
func (r *rig) call(name string, args object) (object, string) {
	r.t.Helper()
	res, err := r.client.CallTool(r.t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	if res.IsError {
		r.t.Fatalf("%s: %s", name, textOf(res))
	}
	raw, err := json.Marshal(res)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(raw) > mcpserver.Answer {
		r.t.Errorf("%s: an answer of %d bytes", name, len(raw))
	}
	out, ok := res.StructuredContent.(map[string]any)
	if !ok {
		r.t.Fatalf("%s: structured content %T", name, res.StructuredContent)
	}
	for _, field := range []string{"box", "expires_at", "spend_usd", "budget_left_usd", "isolation"} {
		if _, ok := out[field]; !ok {
			r.t.Errorf("%s: the answer has no %s", name, field)
		}
	}
	return out, textOf(res)
}

// fails calls a tool and returns the text of its error.
func (r *rig) fails(name string, args object) string {
	r.t.Helper()
	res, err := r.client.CallTool(r.t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		return err.Error() // of the protocol: the arguments are not of the schema
	}
	if !res.IsError {
		r.t.Errorf("%s %v: %s", name, args, textOf(res))
	}
	return textOf(res)
}

func textOf(res *mcp.CallToolResult) string {
	var out strings.Builder
	for _, c := range res.Content {
		if text, ok := c.(*mcp.TextContent); ok {
			out.WriteString(text.Text)
		}
	}
	return out.String()
}

func (r *rig) create() string {
	r.t.Helper()
	out, _ := r.call("create", object{"image": "tool"})
	return out.text("box")
}
