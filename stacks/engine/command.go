package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/backend/diy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// pulumiVersion is the version whose command line [command] answers to; it is
// that of pulumi/pkg/v3 in go.mod, and a test holds the two together.
var pulumiVersion = semver.MustParse("3.259.0")

// errNoStack says that a stack does not exist.
var errNoStack = errors.New("no such stack")

// command answers the fixed set of command lines that the Automation API
// writes, by calling the engine and the backend as libraries.
type command struct {
	engine *Engine
	url    string      // of the state store
	opened diy.Backend // nil until the first use
	// read is what outputs were read of, so that the Automation API's two questions
	// and ours after an update read the state once.
	read backend.Stack
	// caller is the caller's context: its end asks the engine to stop.
	caller context.Context
	// err is the last failure as an error value, which the Automation API
	// would turn into text.
	err error
	// streamed says that events went to the Automation API's event server,
	// which closes the streams itself.
	streamed bool
}

var _ auto.PulumiCommand = (*command)(nil)

func newCommand(e *Engine, caller context.Context) *command {
	return &command{engine: e, caller: caller, url: storeURL(e.cfg.BackendURL)}
}

// storeURL is the state store by one name: a folder by its absolute path, so that
// everything here means the same one.
func storeURL(backend string) string {
	u, err := url.Parse(backend)
	if err != nil || u.Scheme != "file" {
		return backend
	}
	path := u.Host + u.Path // Pulumi takes file://folder and file://~/folder too
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/') {
		me, err := user.Current()
		if err != nil {
			return backend
		}
		path = filepath.Join(me.HomeDir, rest)
	}
	if path, err = filepath.Abs(path); err != nil {
		return backend
	}
	u.Host, u.Path, u.RawPath = "", path, ""
	return u.String()
}

// Version implements [auto.PulumiCommand].
func (c *command) Version() semver.Version { return pulumiVersion }

// Run implements [auto.PulumiCommand]. Nothing reads the environment that the
// Automation API adds, nor standard input; a flag that is not known is an error.
func (c *command) Run(
	ctx context.Context, _ string, _ io.Reader, _, _ []io.Writer, _ []string, args ...string,
) (string, string, int, error) {
	if c.engine.onCommand != nil {
		c.engine.onCommand(args)
	}
	out, err := c.dispatch(ctx, args)
	if err == nil {
		return out, "", 0, nil
	}
	c.err = err
	text := err.Error()
	if errors.Is(err, errNoStack) {
		text = "error: no stack named '" + strings.Join(args[len(args)-1:], "") + "' found"
	}
	return out, text, 1, err
}

func (c *command) dispatch(ctx context.Context, args []string) (string, error) {
	line, err := parseArgs(args)
	if err != nil {
		return "", err
	}
	switch line.verb {
	case "stack select":
		_, err := c.stack(ctx, line.stack())
		return "", err
	case "stack init":
		return "", c.create(ctx, line.stack())
	case "stack rm":
		return "", c.remove(ctx, line.stack())
	case "stack output":
		return c.outputs(ctx, line.stack(), line.has("show-secrets"))
	case "stack history":
		return "[]", nil // the summary of an update, which nobody here reads
	case "up", "preview", "destroy":
		return "", c.update(ctx, line)
	}
	return "", fmt.Errorf("the in-process engine has no command %q", line.verb)
}

// commandLine is a parsed command line of the Automation API.
type commandLine struct {
	verb  string // e.g. "up" or "stack select"
	flags map[string]string
	args  []string
}

// valued are the flags whose value may be the next argument; all others have it
// after "=", or none.
var valued = map[string]bool{"stack": true, "event-log": true, "page-size": true, "page": true}

// known are all flags that the operations of this package lead to.
var known = map[string]bool{
	"yes": true, "skip-preview": true, "client": true, "exec-kind": true, "refresh": true, "parallel": true,
	"json": true, "show-secrets": true, "continue-on-error": true,
}

func parseArgs(args []string) (commandLine, error) {
	line := commandLine{flags: map[string]string{}}
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "--")
		switch {
		case !isFlag && strings.HasPrefix(args[i], "-"):
			return line, fmt.Errorf("the in-process engine has no flag %s", args[i])
		case !isFlag && line.verb == "":
			line.verb = args[i]
		case !isFlag && line.verb == "stack":
			line.verb += " " + args[i]
		case !isFlag:
			line.args = append(line.args, args[i])
		default:
			name, value, inline := strings.Cut(name, "=")
			if !known[name] && !valued[name] {
				return line, fmt.Errorf("the in-process engine has no flag --%s", name)
			}
			if valued[name] && !inline {
				if i++; i == len(args) {
					return line, fmt.Errorf("the flag --%s has no value", name)
				}
				value = args[i]
			}
			line.flags[name] = value
		}
	}
	return line, nil
}

func (l commandLine) has(flag string) bool { _, ok := l.flags[flag]; return ok }

// stack is the stack's name, given by flag or as the only argument.
func (l commandLine) stack() string {
	if l.has("stack") {
		return l.flags["stack"]
	}
	return strings.Join(l.args, "")
}
