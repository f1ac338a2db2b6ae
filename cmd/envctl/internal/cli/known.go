package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/policies"
)

// describeKnown fills in f from the error types of other packages whose parts are
// fields. It returns false where err is none of them.
func describeKnown(err error, f *output.Failure) bool {
	var problems definition.Problems
	if errors.As(err, &problems) && len(problems) > 0 {
		describeProblems(problems, f)
		var h *definitionError
		if errors.As(err, &h) {
			f.Hint = h.hint
		}
		return true
	}
	var denied *policies.DeniedError
	if errors.As(err, &denied) {
		describeDenied(denied, f)
		return true
	}
	var unavailable *docker.UnavailableError
	if errors.As(err, &unavailable) {
		f.Code, f.Message, f.Reason, f.Hint = "docker-unavailable", unavailable.What, unavailable.Why, unavailable.How
		return true
	}
	var build *docker.BuildError
	if errors.As(err, &build) {
		f.Code, f.Path, f.Hint = "build-failed", build.Dockerfile, "mend the step and run the same command again"
		if build.Missing != "" {
			f.Hint = "make it, or look whether .dockerignore leaves it out; then run the same command again"
		}
		if build.Line > 0 {
			f.Path = fmt.Sprintf("%s:%d", build.Dockerfile, build.Line)
		}
		return true
	}
	var pull *docker.PullError
	if errors.As(err, &pull) {
		f.Code, f.Path, f.Hint = "pull-failed", pull.Ref, pull.Hint()
		f.Message = strings.TrimSuffix(f.Message, "; "+f.Hint) // said once
		return true
	}
	return false
}

// describeProblems tells all problems of a definition. One alone is the message
// itself.
func describeProblems(problems definition.Problems, f *output.Failure) {
	f.Code, f.Status = "definition", statusUsage
	f.Problems = problemList(problems)
	first := problems[0]
	f.Path = first.Path
	f.Message = fmt.Sprintf("%s has %d problems", first.File, len(problems))
	f.Hint = "mend them all and run envctl check"
	if len(problems) > 1 {
		return
	}
	one := f.Problems[0]
	f.Hint, one.Hint = one.Hint, ""
	f.Message = one.String()
	if f.Hint == "" {
		f.Hint = "mend it and run envctl check"
	}
}

func problemList(problems []definition.Problem) []output.Problem {
	out := make([]output.Problem, len(problems))
	for i, q := range problems {
		out[i] = output.Problem{File: q.File, Line: q.Line, Column: q.Column, Path: q.Path, Message: q.Message, Hint: q.Hint}
	}
	return out
}
