package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/backend/display"
	"github.com/pulumi/pulumi/pkg/v3/engine"
	"github.com/pulumi/pulumi/pkg/v3/util/cancel"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	_ "gocloud.dev/blob/memblob" // driver of mem://, for previews of new stacks
)

// update runs up, preview or destroy.
func (c *command) update(ctx context.Context, line commandLine) error {
	name := line.stack()
	c.read = nil
	if line.verb != "preview" {
		if err := c.repair(ctx, name); err != nil {
			return err
		}
	}
	s, err := c.stack(ctx, name)
	if err != nil {
		return err
	}
	op := c.updateOperation(line)
	switch line.verb {
	case "up":
		err = c.up(ctx, s, op)
	case "preview":
		_, _, err = backend.PreviewStack(ctx, s, op, nil)
	case "destroy":
		_, err = backend.DestroyStack(ctx, s, op)
	}
	switch cause := context.Cause(c.caller); {
	case cause != nil && err == nil:
		err = cause
	case cause != nil:
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if err != nil && strings.Contains(err.Error(), "currently locked by") {
		return lockError(ctx, c.url, name, err)
	}
	return c.explainState(ctx, name, err)
}

// up runs an update, with an interim state where that is asked for.
func (c *command) up(ctx context.Context, s backend.Stack, op backend.UpdateOperation) error {
	if c.engine.cfg.Interim == 0 {
		_, err := backend.UpdateStack(ctx, s, op, nil)
		return err
	}
	soFar, err := newInterim(ctx, c, s)
	if err != nil {
		return err
	}
	// A state that cannot be written stops the update, as the caller's end does.
	before := c.caller
	defer func() { c.caller = before }()
	var stop context.CancelFunc
	c.caller, stop = context.WithCancel(before)
	defer stop()
	evs, followed := make(chan engine.Event), make(chan error, 1)
	go func() { followed <- soFar.follow(ctx, evs, stop) }()
	_, err = backend.UpdateStack(ctx, s, op, evs)
	close(evs)
	err = errors.Join(<-followed, err)
	if c.engine.onInterim != nil {
		c.engine.onInterim(soFar.resources())
	}
	return errors.Join(err, soFar.end(ctx, err == nil))
}

func (c *command) updateOperation(line commandLine) backend.UpdateOperation {
	proj := project()
	if address := line.flags["client"]; address != "" {
		proj.Runtime = workspace.NewProjectRuntimeInfo("client", map[string]any{"address": address})
	}
	return backend.UpdateOperation{
		Proj: proj,
		Root: c.engine.cfg.WorkDir,
		M:    &backend.UpdateMetadata{Environment: map[string]string{}},
		Opts: backend.UpdateOptions{
			AutoApprove: true,
			SkipPreview: true,
			Engine:      c.engineOptions(line),
			Display: display.Options{
				Color:       colors.Never,
				SummaryJSON: true, // the display that prints least; events are ours to show
				Stdin:       strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard,
				// A name would be looked up by the resolver; the server listens on loopback.
				EventLogPath: strings.Replace(line.flags["event-log"], "//localhost:", "//127.0.0.1:", 1),
			},
		},
		SecretsManager:     c.engine.secrets.manager(),
		SecretsProvider:    c.engine.secrets,
		StackConfiguration: backend.StackConfiguration{Config: config.Map{}, Decrypter: config.NewPanicCrypter()},
		Scopes:             scopes{c},
	}
}

func (c *command) engineOptions(line commandLine) engine.UpdateOptions {
	parallel := int32(c.engine.cfg.Parallel)
	if n := line.flags["parallel"]; n != "" {
		_, _ = fmt.Sscan(n, &parallel)
	}
	return engine.UpdateOptions{
		Parallel:        parallel,
		Refresh:         line.has("refresh"),
		ContinueOnError: line.has("continue-on-error"),
		ExecKind:        line.flags["exec-kind"],
		HostFactory:     hostFactory(c.engine.cfg.Providers),
		// Providers of ours need no installation; a package that is left to
		// Pulumi is installed when it is first asked for.
		SkipPluginPreInstall: true,
	}
}

// scopes turns the end of the caller's context into a cancellation request:
// resource operations under way are told to stop, no new one starts, and the
// state is still written.
type scopes struct{ c *command }

type scope struct {
	ctx  *cancel.Context
	stop func() bool
}

// NewScope implements [backend.CancellationScopeSource]. It is called once the
// events of an operation begin to flow, which they do not where the operation
// fails earlier: by a lock, or by a state that cannot be read.
func (s scopes) NewScope(ctx context.Context, _ chan<- engine.Event, _ bool) backend.CancellationScope {
	s.c.streamed = true
	c, source := cancel.NewContext(ctx)
	return &scope{ctx: c, stop: context.AfterFunc(s.c.caller, source.Cancel)}
}

func (s *scope) Context() *cancel.Context { return s.ctx }
func (s *scope) Close()                   { s.stop() }
