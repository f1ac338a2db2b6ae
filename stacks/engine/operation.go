package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/stacks"
)

// operation is one Pulumi operation on one stack, from opening to its end.
type operation struct {
	// ctx outlives the caller's: state has to be written after an interrupt, so
	// the caller's context reaches the engine as a cancellation request only.
	ctx context.Context
	ref stacks.Ref
	cmd *command
	log *eventLog
}

func (e *Engine) operation(ctx context.Context, ref stacks.Ref, opts stacks.Options) *operation {
	return &operation{
		ctx: context.WithoutCancel(ctx),
		ref: ref,
		cmd: newCommand(e, ctx),
		log: newEventLog(opts.OnEvent),
	}
}

// open selects the stack, or makes it where create is set. A preview of a stack
// that does not exist is made against an empty one that is never saved.
func (o *operation) open(program pulumi.RunFunc, create bool) (auto.Stack, error) {
	options := []auto.LocalWorkspaceOption{auto.Pulumi(o.cmd), auto.WorkDir(o.cmd.engine.cfg.WorkDir)}
	if program != nil {
		options = append(options, auto.Program(program))
	}
	ws, err := auto.NewLocalWorkspace(o.ctx, options...)
	if err != nil {
		return auto.Stack{}, err
	}
	var stack auto.Stack
	switch {
	case create:
		stack, err = auto.UpsertStack(o.ctx, o.ref.String(), ws)
	default:
		stack, err = auto.SelectStack(o.ctx, o.ref.String(), ws)
	}
	return stack, o.unwrap(err)
}

// watch runs one call of the Automation API and follows its events to the end.
func (o *operation) watch(run func(chan<- events.EngineEvent) error) error {
	ch := make(chan events.EngineEvent)
	var wg sync.WaitGroup
	wg.Go(func() {
		for ev := range ch {
			o.log.add(ev)
		}
	})
	err := run(ch)
	if !o.cmd.streamed {
		close(ch) // no event server saw the operation, so nobody else closes it
	}
	wg.Wait()
	if err == nil {
		return nil
	}
	return o.log.explain(o.unwrap(err))
}

// unwrap prefers the engine's own error to the text that the Automation API
// makes of it, except where its helpers look at that text.
func (o *operation) unwrap(err error) error {
	if err == nil || auto.IsSelectStack404Error(err) || o.cmd.err == nil {
		return err
	}
	return o.cmd.err
}

// outputs are those of the stack without its secrets; errNoStack where there is none.
func (o *operation) outputs() (map[string]any, error) {
	raw, err := o.cmd.outputs(o.ctx, o.ref.String(), false)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		return nil, fmt.Errorf("reading outputs of %s: %w", o.ref, err)
	}
	return out, nil
}

func (o *operation) steps() []stacks.Step    { return o.log.steps }
func (o *operation) changes() stacks.Changes { return o.log.changes() }
