package mcpserver

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Tool is one tool in words; docs/agents.md has the table of them.
type Tool struct {
	Name, Title, Description string
	ReadOnly, Idempotent     bool
	// Runs says that the tool runs code that nobody reviewed, or replaces files of the
	// project: clients ask people before they call it.
	Runs bool
}

// Tools returns all tools, in the order of their use.
func Tools() []Tool {
	return []Tool{
		{Name: "run", Title: "Run a script in a fresh sandbox", Runs: true,
			Description: "Run one script or command in a fresh sandbox without network that is removed afterwards. Give language and code, or image and command; files are written to /workspace first, and models lets the program call models of the project. A run that takes longer than 25 seconds returns a box and an exec id for exec_poll."},
		{Name: "create", Title: "Create a sandbox",
			Description: "Create a sandbox (box) that stays until its deadline, for several commands on the same files. Returns its id for the other tools. models lets its programs call models of the project, paid from its budget."},
		{Name: "list", Title: "List sandboxes", ReadOnly: true, Idempotent: true,
			Description: "List the boxes of this server with their deadlines."},
		{Name: "status", Title: "Look at a sandbox", ReadOnly: true, Idempotent: true,
			Description: "Tell the state, limits, deadline and running programs of a box."},
		{Name: "exec", Title: "Run a command in a sandbox", Runs: true,
			Description: "Run a command in a box and wait up to 25 seconds for its end; one that takes longer runs on, and the exec id that is returned is for exec_poll. command is a list: a shell line is [\"sh\", \"-c\", \"...\"]. What the command leaves running is ended with it."},
		{Name: "exec_start", Title: "Start a command in a sandbox", Runs: true,
			Description: "Start a command in a box and return at once, for servers and long work. Follow it with exec_poll, end it with exec_stop."},
		{Name: "exec_poll", Title: "Follow a command", ReadOnly: true, Idempotent: true,
			Description: "Tell how far a command is and what it printed from an offset on, waiting for its end up to wait_seconds."},
		{Name: "exec_stop", Title: "End a command", Idempotent: true,
			Description: "End a command and everything it started. signal TERM asks it to end itself, KILL (the default) ends it."},
		{Name: "read_file", Title: "Read a file of a sandbox", ReadOnly: true, Idempotent: true,
			Description: "Read a file in /workspace or /tmp of a box, or a part of it."},
		{Name: "write_file", Title: "Write a file in a sandbox", Idempotent: true,
			Description: "Write a file in /workspace or /tmp of a box, with the folders above it; one that is there is replaced."},
		{Name: "fetch_results", Title: "Bring results into the project", Runs: true,
			Description: "Copy the files of a folder of a box to a new or empty folder in the user's project. Links, special files and names with a dot in front stay behind, and nothing that is there is replaced."},
		{Name: "destroy", Title: "Destroy a sandbox", Idempotent: true,
			Description: "Remove a box with everything in it. A box that is gone already is no error."},
	}
}

func (t Tool) annotations() *mcp.ToolAnnotations {
	destructive := t.Runs || t.Name == "destroy" || t.Name == "exec_stop" || t.Name == "write_file"
	open := t.Runs
	return &mcp.ToolAnnotations{
		Title: t.Title, ReadOnlyHint: t.ReadOnly, IdempotentHint: t.Idempotent,
		DestructiveHint: &destructive, OpenWorldHint: &open,
	}
}

// answer is what a tool returns: its structured result, the same in words, and
// links to what was left out of both.
type answer[Out any] struct {
	out   Out
	text  string
	links []*mcp.ResourceLink
}

func (s *server) addTools(to *mcp.Server) {
	tools := map[string]Tool{}
	for _, t := range Tools() {
		tools[t.Name] = t
	}
	add(s, to, tools["run"], s.run)
	add(s, to, tools["create"], s.create)
	add(s, to, tools["list"], s.list)
	add(s, to, tools["status"], s.status)
	add(s, to, tools["exec"], s.exec)
	add(s, to, tools["exec_start"], s.execStart)
	add(s, to, tools["exec_poll"], s.execPoll)
	add(s, to, tools["exec_stop"], s.execStop)
	add(s, to, tools["read_file"], s.readFile)
	add(s, to, tools["write_file"], s.writeFile)
	add(s, to, tools["fetch_results"], s.fetchResults)
	add(s, to, tools["destroy"], s.destroy)
}

// add registers a tool. Its errors are told in three parts, as results.
func add[In, Out any](
	s *server, to *mcp.Server, t Tool, do func(context.Context, *mcp.CallToolRequest, In) (answer[Out], error),
) {
	mcp.AddTool(to, &mcp.Tool{Name: t.Name, Title: t.Title, Description: t.Description, Annotations: t.annotations()},
		func(ctx context.Context, r *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
			a, err := do(ctx, r, in)
			if err != nil {
				var none Out
				if ctx.Err() == nil {
					s.Log.Info("tool failed", "tool", t.Name, "error", clean(err.Error()))
				}
				return nil, none, told{err}
			}
			res := &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: a.text}}}
			for _, l := range a.links {
				res.Content = append(res.Content, l)
			}
			return res, a.out, nil
		})
}
