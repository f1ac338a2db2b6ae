package docker

import (
	"fmt"
	"os"
	"strings"

	"github.com/envctl/envctl/components/lazyregexp"
	"github.com/envctl/envctl/local/docker/source"
)

// BuildError is a build that failed in one of its steps or in its Dockerfile.
type BuildError struct {
	Dockerfile string   // absolute
	Line       int      // in the Dockerfile; 0 when it is not known
	Step       string   // as BuildKit names it; "" when no step failed
	Reason     string   // what went wrong
	Lines      []string // the step's last lines of output, 20 at most
	// Missing is a file or folder that a step takes from the build context, where it
	// is not; "" where that is not the reason.
	Missing string
	// Pull says that the reason is an image that cannot be pulled; nil else.
	Pull *PullError
}

// Error says where, what and why, and then the last lines of output.
func (e *BuildError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the build failed at %s", e.Dockerfile)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Step != "" {
		fmt.Fprintf(&b, " in step %q", e.Step)
	}
	if e.Pull != nil {
		fmt.Fprintf(&b, ": %s", e.Pull.Error())
	} else {
		fmt.Fprintf(&b, ": %s", e.Reason)
	}
	for _, line := range e.Lines {
		b.WriteString("\n  | " + line)
	}
	return b.String()
}

// Unwrap returns the image that cannot be pulled, when that is the reason.
func (e *BuildError) Unwrap() error {
	if e.Pull == nil {
		return nil
	}
	return e.Pull
}

// wrappings are what BuildKit puts in front of a reason and what tells a user
// nothing: each is cut off once.
var wrappings = lazyregexp.New(`^(?:failed to solve(?: with frontend [\w.]+)?: |rpc error: code = \w+ desc = |` +
	`failed to (?:build LLB|create LLB definition|load LLB|compute cache key|process|read dockerfile): |` +
	`error from sender: |failed to calculate checksum of ref \S+: )+`)

// absent is how engines say that a step's source is not there: 20.10 of a folder
// by its own path of the context, all others by the name in the context.
var absent = lazyregexp.New(`^(?:"/?([^"]+)":? not found(?:: not found)?|failed to walk \S+/buildkit-mount\d+\S*: lstat \S+/buildkit-mount\d+/(\S+): no such file or directory)$`)

// missing is the source of a step that is not in the build context.
func missing(step, reason string) string {
	found := absent().FindStringSubmatch(reason)
	if found == nil || strings.Contains(step, "--from") { // another stage's
		return ""
	}
	return found[1] + found[2]
}

// failed makes the error of a build that the engine ended with a message.
func (p *progress) failed(plan solvePlan, message string) error {
	e := &BuildError{Dockerfile: plan.dockerfilePath, Reason: message}
	if p.broken != nil {
		p.flush(p.broken)
		e.Step, e.Lines = p.broken.name, p.broken.lines
		if strings.Contains(message, "context canceled") || len(p.broken.err) > 0 && !strings.Contains(message, p.broken.err) {
			e.Reason = p.broken.err
		}
	}
	e.Reason = wrappings().ReplaceAllString(e.Reason, "")
	if content, err := os.ReadFile(plan.dockerfilePath); err == nil {
		e.Line = source.Locate(content, e.Step, message)
	}
	if e.Missing = missing(e.Step, e.Reason); e.Missing != "" {
		e.Reason = fmt.Sprintf("%q is not in the build context", e.Missing)
	}
	if ref, reason, ok := pullProblem(e.Step, e.Reason); ok {
		e.Pull = &PullError{Ref: ref, Reason: reason, Message: e.Reason}
	}
	return e
}
