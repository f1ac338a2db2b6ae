package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/backend/display"
	"github.com/pulumi/pulumi/pkg/v3/backend/diy"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// BackendError is a state store that cannot be used.
type BackendError struct {
	URL string
	Err error
}

func (e *BackendError) Error() string {
	return fmt.Sprintf("the state store %s cannot be used: %v", e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *BackendError) Unwrap() error { return e.Err }

// Hint says how to mend it.
func (e *BackendError) Hint() string {
	return "set ENVCTL_BACKEND_URL to a file://, azblob://, s3:// or gs:// URL that can be read and written, or unset it to keep state on this machine"
}

func project() *workspace.Project {
	return &workspace.Project{
		Name:    tokens.PackageName(Project),
		Runtime: workspace.NewProjectRuntimeInfo("go", nil),
	}
}

func discard() diag.Sink {
	return diag.DefaultSink(io.Discard, io.Discard, diag.FormatOptions{Color: colors.Never})
}

// backend opens the state store, once for an operation.
func (c *command) backend(ctx context.Context) (diy.Backend, error) {
	if c.opened != nil {
		return c.opened, nil
	}
	if c.url == c.engine.cfg.BackendURL && strings.HasPrefix(c.url, "mem:") {
		return nil, &BackendError{URL: c.engine.cfg.BackendURL, Err: errors.New("it forgets everything when this command ends")}
	}
	b, err := diy.New(ctx, discard(), openURL(c.url), project())
	if err != nil {
		return nil, &BackendError{URL: c.engine.cfg.BackendURL, Err: err}
	}
	c.opened = b
	return b, nil
}

func qualified(name string) string { return "organization/" + Project + "/" + name }

// stack finds a stack; errNoStack where there is none.
func (c *command) stack(ctx context.Context, name string) (backend.Stack, error) {
	b, err := c.backend(ctx)
	if err != nil {
		return nil, err
	}
	ref, err := b.ParseStackReference(qualified(name))
	if err != nil {
		return nil, err
	}
	s, err := b.GetStack(ctx, ref)
	if err != nil {
		return nil, &BackendError{URL: c.engine.cfg.BackendURL, Err: err}
	}
	if s == nil {
		return nil, fmt.Errorf("%w: %s", errNoStack, name)
	}
	return s, nil
}

func (c *command) create(ctx context.Context, name string) error {
	b, err := c.backend(ctx)
	if err != nil {
		return err
	}
	ref, err := b.ParseStackReference(qualified(name))
	if err != nil {
		return err
	}
	if err := c.repair(ctx, name); err != nil {
		return err
	}
	_, err = b.CreateStack(ctx, ref, "", nil, nil)
	return err
}

func (c *command) remove(ctx context.Context, name string) error {
	s, err := c.stack(ctx, name)
	if err != nil {
		return err
	}
	// The backend deletes the file of the stack's tags too, and tries three times,
	// 140 ms in all, where there is none.
	if err := backend.UpdateStackTags(ctx, s, map[apitype.StackTagName]string{"envctl": "removing"}); err != nil {
		return err
	}
	_, err = backend.RemoveStack(ctx, s, false, true)
	return err
}

// outputs answers `stack output --json`.
func (c *command) outputs(ctx context.Context, name string, showSecrets bool) (string, error) {
	if c.read == nil {
		s, err := c.stack(ctx, name)
		if err != nil {
			return "", err
		}
		c.read = s
	}
	props, err := c.read.SnapshotStackOutputs(ctx, c.engine.secrets)
	if err != nil {
		return "", c.explainState(ctx, name, err)
	}
	massaged := display.MassageSecrets(resource.ToResourcePropertyMap(props), showSecrets)
	plain, err := stack.SerializeProperties(ctx, massaged, config.NewPanicCrypter(), showSecrets)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(plain)
	return string(raw), err
}

// ids are those of the resources that providers made.
func (c *command) ids(ctx context.Context, name string) ([]string, error) {
	s, err := c.stack(ctx, name)
	if err != nil {
		return nil, err
	}
	snap, err := s.Snapshot(ctx, c.engine.secrets)
	if err != nil {
		return nil, c.explainState(ctx, name, err)
	}
	if snap == nil {
		return nil, nil
	}
	var out []string
	for _, r := range snap.Resources {
		if r.Custom && r.ID != "" {
			out = append(out, r.ID.String())
		}
	}
	return out, nil
}

// list returns the names of the project's stacks.
func (c *command) list(ctx context.Context) ([]string, error) {
	b, err := c.backend(ctx)
	if err != nil {
		return nil, err
	}
	name := Project
	var out []string
	var token backend.ContinuationToken
	for {
		page, next, err := b.ListStackNames(ctx, backend.ListStackNamesFilter{Project: &name}, token)
		if err != nil {
			return nil, &BackendError{URL: c.engine.cfg.BackendURL, Err: err}
		}
		for _, ref := range page {
			out = append(out, ref.Name().String())
		}
		if next == nil {
			return out, nil
		}
		token = next
	}
}
