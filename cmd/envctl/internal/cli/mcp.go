package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/box/models"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/stacks"
)

type mcpOptions struct {
	http    string
	project string
	images  []string
	boxes   int
	memory  string
	cpu     float64
	ttl     string
	// isolation is what separates boxes from the machine; empty: as the definition says.
	isolation string
	noModels  bool
}

// The variable with the token, and how short one may be.
const (
	tokenVariable = "ENVCTL_MCP_TOKEN"
	minToken      = 16
)

func newMCP(p *program) *cobra.Command {
	var o mcpOptions
	cmd := uses(&cobra.Command{
		Use:   "mcp [FLAG...]",
		Short: "the sandbox as a tool server for coding agents",
		Long: `Serve sandboxes to coding agents as tools of the Model Context Protocol, on stdin and
stdout, or with --http on a loopback address. What an agent may have is settled here: images,
limits, the models of the definition, and the one folder that results are brought to. Boxes
have no network and end with this program, or at their deadline.`,
		Example: `  envctl mcp
  envctl mcp --allow-image python:3.12-slim --max-boxes 4
  envctl mcp --http 127.0.0.1:8765`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return nil, runMCP(ctx, p, o) }),
	}, "file", "name")
	policy := mcpserver.DefaultPolicy()
	fs := cmd.Flags()
	fs.StringVar(&o.http, "http", "", "serve Streamable HTTP on this loopback `ADDRESS`, as 127.0.0.1:8765, with a token ("+tokenVariable+")")
	fs.StringVar(&o.project, "project", "", "bring results to this `FOLDER` (default: the current one)")
	fs.StringArrayVar(&o.images, "allow-image", nil, "allow this `IMAGE` too, beside those of the definition and of the languages")
	fs.IntVar(&o.boxes, "max-boxes", 8, "at most this `NUMBER` of boxes at once")
	fs.StringVar(&o.memory, "max-memory", definition.Size(policy.Memory).String(), "at most this `SIZE` of memory for one box, as 512Mi")
	fs.Float64Var(&o.cpu, "max-cpu", policy.CPU, "at most so many `CORES` for one box")
	fs.StringVar(&o.ttl, "max-ttl", definition.Duration(policy.TTL).String(), "at most this `TIME` for one box, as 30m")
	fs.BoolVar(&o.noModels, "no-models", false, "let no box call the models of the definition")
	addIsolation(fs, &o.isolation, "as targets.local.isolation says, else the strongest that the engine has")
	return cmd
}

// isolate chooses what separates boxes from the machine.
func (o mcpOptions) isolate(ctx context.Context, boxes Boxes, d *definition.Definition) (isolation.Choice, error) {
	setting := o.isolation
	if setting == "" && d != nil && d.Targets.Local != nil {
		setting = d.Targets.Local.Isolation
	}
	return boxes.Isolate(ctx, setting)
}

// models are those that boxes may call; nil: none, with why that is so.
func (o mcpOptions) models(
	ctx context.Context, p *program, boxes Boxes, ref stacks.Ref, d *definition.Definition,
) (*models.Project, mcpserver.Absence, error) {
	const again = " and start envctl mcp anew"
	switch {
	case o.noModels:
		return nil, mcpserver.Absence{Why: "this server was started with --no-models", Mend: "do without; the user can start envctl mcp without that flag"}, nil
	case d == nil:
		return nil, mcpserver.Absence{Why: "the project has no envctl.yaml", Mend: "do without; the user can write one with models (envctl init)" + again}, nil
	case len(d.Models) == 0:
		return nil, mcpserver.Absence{Why: "the project's envctl.yaml names none", Mend: "do without; the user can add models to envctl.yaml" + again}, nil
	}
	source, err := p.source()
	if err != nil {
		return nil, mcpserver.Absence{}, err
	}
	// What is wrong with models keeps no box from being made, but a model from being called.
	whole, err := source.read(p.env.Lookup)
	if err != nil {
		return nil, mcpserver.Absence{Why: "the project's envctl.yaml cannot be read whole: " + err.Error(), Mend: "do without; the user can mend that" + again}, nil
	}
	project, err := boxes.Models(ctx, ref, whole)
	switch {
	case err != nil:
		return nil, mcpserver.Absence{Why: "nothing can answer for the project's models: " + err.Error(), Mend: "do without; the user can mend that" + again}, nil
	case project == nil:
		return nil, mcpserver.Absence{
			Why:  "the project's envctl.yaml does not say what answers for its models on this machine",
			Mend: "do without; the user can say it in targets.local.models" + again,
		}, nil
	}
	return project, mcpserver.Absence{}, nil
}

// policy is what the command line allows.
func (o mcpOptions) policy() (mcpserver.Policy, error) {
	policy := mcpserver.DefaultPolicy()
	memory, err := definition.ParseSize(o.memory)
	if err != nil || memory.Bytes() < 32<<20 {
		return policy, usage("give 32Mi or more, as 512Mi", "--max-memory %q is not a size that a box can have", o.memory)
	}
	ttl, err := definition.ParseDuration(o.ttl)
	if err != nil || ttl.Std() < time.Minute {
		return policy, usage("give 1m or more, as 30m", "--max-ttl %q is not a time that a box can live", o.ttl)
	}
	if !(o.cpu > 0 && o.cpu <= 1024) {
		return policy, usage("give a number of cores, as 0.5", "--max-cpu %v is not a number of cores", o.cpu)
	}
	if o.boxes < 1 || o.boxes > 1000 {
		return policy, usage("give 1 to 1000", "--max-boxes %d is out of range", o.boxes)
	}
	policy.Memory, policy.CPU, policy.TTL = memory.Bytes(), o.cpu, ttl.Std()
	policy.Images = append(policy.Images, o.images...)
	return policy, nil
}

// allow adds to a policy what the engine and the definition have; the project is that
// of the models, nil where there are none.
func (o mcpOptions) allow(
	ctx context.Context, p *program, boxes Boxes, ref stacks.Ref, d *definition.Definition, policy *mcpserver.Policy,
) (*models.Project, error) {
	choice, err := o.isolate(ctx, boxes, d)
	if err != nil {
		return nil, err
	}
	policy.Runtime, policy.Isolation = choice.Runtime, choice.Level
	if d != nil {
		of, err := boxes.Project(ref, d)
		if err != nil {
			return nil, err
		}
		policy.Images = append(policy.Images, of...)
	}
	project, absent, err := o.models(ctx, p, boxes, ref, d)
	if policy.NoModels = absent; project != nil {
		policy.Models = project.Names
	}
	return project, err
}

func runMCP(ctx context.Context, p *program, o mcpOptions) error {
	d, err := p.definitionIfAny()
	if err != nil {
		return err
	}
	policy, err := o.policy()
	if err != nil {
		return err
	}
	token, err := o.token(p)
	if err != nil {
		return err
	}
	folder := p.path(o.project)
	root, err := os.OpenRoot(folder)
	if err != nil {
		return &problem{code: "unreadable", status: statusUsage, path: "--project", err: err,
			message: fmt.Sprintf("cannot use %q for results: %s", folder, cause(err)), hint: "name a folder that there is"}
	}
	defer root.Close()
	if o.http == "" && p.env.IsTerminal(p.env.Stdin) {
		p.printer.Notice("waiting for an agent's messages on stdin: an agent starts this by its settings (docs/agents.md); Ctrl-C ends it")
	}
	boxes, err := p.env.Services.Boxes(ctx, p.settingsOn(targetLocal, d))
	if err != nil {
		return err
	}
	ref := stacks.Ref{Experiment: experimentOf(d), Instance: p.flags.instance, Target: targetLocal}
	project, err := o.allow(ctx, p, boxes, ref, d, &policy)
	if err != nil {
		return err
	}
	boxes.Manager.Most = o.boxes
	boxes.Manager.Labels = map[string]string{
		"dev.envctl.experiment": ref.Experiment, "dev.envctl.instance": ref.Instance, "dev.envctl.target": targetLocal,
	}
	log := slog.New(slog.NewTextHandler(p.env.Stderr, nil))
	defer endBoxes(ctx, boxes.Manager, log)
	go sweepBoxes(ctx, boxes.Manager, log)
	server := mcpserver.New(mcpserver.Config{
		Version: programVersion(), Boxes: boxes.Manager, Images: boxes.Images, Policy: policy, Models: project, Project: root, Log: log,
	})
	if o.http != "" {
		return o.serveHTTP(ctx, p, server, token)
	}
	// Stdin is not closed: a read that is under way could not be interrupted by it.
	err = server.Run(ctx, mcpserver.Stdio(p.env.Stdin, p.env.Stdout, log))
	if ctx.Err() != nil {
		return nil // it was asked to end
	}
	return err
}

// definitionIfAny reads the definition where there is one.
func (p *program) definitionIfAny() (*definition.Definition, error) {
	if p.flags.file == "-" {
		return nil, usage("give a file", "-f - reads the definition from stdin, where the agent's messages come from")
	}
	if p.flags.file == "" {
		if _, err := discover(p.env.Dir, p.env.Getenv("HOME")); err != nil {
			return nil, nil // none: the languages' images and --allow-image
		}
	}
	source, err := p.source()
	if err != nil {
		return nil, err
	}
	return source.readWithoutVariables(p.env.Lookup, targetLocal)
}

// agents is the experiment of boxes without a definition.
const agents = "agents"

func experimentOf(d *definition.Definition) string {
	if d == nil {
		return agents
	}
	return d.Name
}

func (o mcpOptions) token(p *program) (string, error) {
	if o.http == "" {
		return "", nil
	}
	token := p.env.Getenv(tokenVariable)
	if token == "" {
		return rand.Text(), nil
	}
	if len(token) < minToken {
		return "", usage("give a longer one, or unset it and one is made", "%s has %d characters, expected %d or more", tokenVariable, len(token), minToken)
	}
	return token, nil
}

func (o mcpOptions) serveHTTP(ctx context.Context, p *program, server *mcp.Server, token string) error {
	listener, err := mcpserver.Listen(ctx, o.http)
	if err != nil {
		return err
	}
	p.printer.Notice("serving http://" + listener.Addr().String() + mcpserver.Path)
	if p.env.Getenv(tokenVariable) == "" {
		p.printer.Notice("token: " + token)
	}
	return mcpserver.Serve(ctx, listener, mcpserver.Handler(server, token))
}

// sweepBoxes removes what earlier servers left, and what expires.
func sweepBoxes(ctx context.Context, m *box.Manager, log *slog.Logger) {
	report := func(boxes []string, err error) {
		if len(boxes) > 0 {
			log.Info("removed boxes that expired or that a killed server left", "boxes", boxes)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("cannot remove boxes", "error", output.Clean(err.Error()))
		}
	}
	report(m.Reap(ctx))
	m.Watch(ctx, report)
}

// endTime bounds the removal of all boxes at the end.
const endTime = time.Minute

func endBoxes(ctx context.Context, m *box.Manager, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := m.DestroyAll(ctx); err != nil {
		log.Warn("boxes are left; the next envctl removes them", "error", output.Clean(err.Error()))
	}
}
