// Package isolationtest runs one test under each level of isolation that envctl
// promises to be the same on.
package isolationtest

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
)

// Variable names levels that have to be there, as in "container gvisor". One that
// it does not name and that the engine has no runtime of is skipped.
const Variable = "ENVCTL_TEST_ISOLATION"

// Engine says what an engine has: a [docker.Engine].
type Engine interface {
	Info(ctx context.Context) (docker.Info, error)
}

// Each runs a test as one subtest for each level, which has the level's name.
func Each(t *testing.T, e Engine, test func(t *testing.T, c isolation.Choice)) {
	t.Helper()
	for _, level := range []string{isolation.Container, isolation.GVisor} {
		t.Run(level, func(t *testing.T) { test(t, On(t, e, level)) })
	}
}

// On returns what makes a level on an engine. Without it the test is skipped, or
// fails where [Variable] names the level.
func On(t testing.TB, e Engine, level string) isolation.Choice {
	t.Helper()
	info, err := e.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	choice, err := isolation.Choose(level, isolation.Engine{Runtimes: info.Runtimes, Default: info.DefaultRuntime}, false)
	if err == nil {
		return choice
	}
	if slices.Contains(strings.Fields(os.Getenv(Variable)), level) {
		t.Fatalf("%s: %v", Variable, err)
	}
	t.Skipf("%v; `make isolation` registers it", err)
	return choice
}
