package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/docker"
)

// locked is an error as other packages have them: complete, and without a word of
// this one.
type locked struct{}

func (locked) Error() string   { return "csv is locked" }
func (locked) Code() string    { return "locked" }
func (locked) Hint() string    { return "wait" }
func (locked) Reason() string  { return "one at a time" }
func (locked) Path() string    { return "csv" }
func (locked) ExitStatus() int { return 5 }

func TestDescribe(t *testing.T) {
	t.Parallel()
	two := definition.Problems{
		{File: "envctl.yaml", Line: 2, Column: 3, Path: "apps.a", Message: "wrong", Hint: "mend"},
		{File: "envctl.yaml", Line: 4, Column: 5, Path: "apps.b", Message: "wrong too"},
	}
	for name, c := range map[string]struct {
		err         error
		interrupted bool
		want        output.Failure
	}{
		"plain":   {err: errors.New("it broke"), want: output.Failure{Code: "failed", Message: "it broke", Status: 1}},
		"typed":   {err: locked{}, want: output.Failure{Code: "locked", Message: "csv is locked", Reason: "one at a time", Hint: "wait", Path: "csv", Status: 5}},
		"wrapped": {err: fmt.Errorf("up: %w", locked{}), want: output.Failure{Code: "locked", Message: "up: csv is locked", Reason: "one at a time", Hint: "wait", Path: "csv", Status: 5}},
		"joined":  {err: errors.Join(errors.New("a"), locked{}), want: output.Failure{Code: "locked", Message: "a\ncsv is locked", Reason: "one at a time", Hint: "wait", Path: "csv", Status: 5}},
		"timeout": {err: fmt.Errorf("wait: %w", context.DeadlineExceeded), want: output.Failure{Code: "timeout", Message: "wait: context deadline exceeded", Status: 1}},
		"signal": {err: locked{}, interrupted: true, want: output.Failure{Code: "interrupted", Message: "interrupted", Interrupted: true,
			Reason: "what was done so far is recorded", Hint: "the same command again goes on from there", Status: 130}},
		"usage": {err: usage("try this", "bad %q", "x"), want: output.Failure{Code: "usage", Message: `bad "x"`, Hint: "try this", Status: 2}},
		"one problem": {err: two[:1], want: output.Failure{Code: "definition", Message: "envctl.yaml:2:3: apps.a: wrong", Hint: "mend", Path: "apps.a", Status: 2,
			Problems: []output.Problem{{File: "envctl.yaml", Line: 2, Column: 3, Path: "apps.a", Message: "wrong", Hint: "mend"}}}},
		"problems": {err: fmt.Errorf("read: %w", two), want: output.Failure{Code: "definition", Message: "envctl.yaml has 2 problems", Path: "apps.a", Status: 2,
			Hint: "mend them all and run envctl check", Problems: []output.Problem{
				{File: "envctl.yaml", Line: 2, Column: 3, Path: "apps.a", Message: "wrong", Hint: "mend"},
				{File: "envctl.yaml", Line: 4, Column: 5, Path: "apps.b", Message: "wrong too"}}}},
		"docker": {err: fmt.Errorf("up: %w", &docker.UnavailableError{What: "no engine", Why: "no socket", How: "start it"}),
			want: output.Failure{Code: "docker-unavailable", Message: "no engine", Reason: "no socket", Hint: "start it", Status: 1}},
		"pull": {err: fmt.Errorf("app api: %w", &docker.PullError{Ref: "a/b:1", Reason: docker.PullNotFound, Message: "no such manifest"}),
			want: output.Failure{Code: "pull-failed", Message: `app api: cannot pull image "a/b:1": no such manifest`, Path: "a/b:1", Hint: "check the name and the tag or digest", Status: 1}},
		"build": {err: &docker.BuildError{Dockerfile: "/x/Dockerfile", Line: 3, Reason: "exit status 1"},
			want: output.Failure{Code: "build-failed", Message: "the build failed at /x/Dockerfile:3: exit status 1", Path: "/x/Dockerfile:3", Hint: "mend the step and run the same command again", Status: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(&c.want, describe(c.err, c.interrupted)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
