package mcpserver_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
	boxmodels "github.com/envctl/envctl/local/box/models"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
)

// caller is the static program that calls models, in an image as the tool is.
var caller = dockertest.Program("github.com/envctl/envctl/local/box/models/testdata/caller")

// withModels gives a server the models chat and other, which echo, where a million
// tokens cost 1 of the budget's currency.
func withModels(t testing.TB, budget ledger.Budget) func(*mcpserver.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger")
	book := ledger.Open(path, ledger.Options{Now: time.Now, Self: "self"})
	served := map[string]models.Model{}
	for _, name := range []string{"chat", "other"} {
		served[name] = models.Model{Model: "gpt-4o", Price: ledger.Price{Input: 1, Output: 1}, Limits: price.Limits{Context: 1e7, Output: 4e6}}
	}
	handler, err := models.New(context.WithoutCancel(t.Context()), models.Config{Provider: models.ProviderEcho, Models: served, Budget: budget, Ledger: book})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = handler.Close()
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(c *mcpserver.Config) {
		c.Policy.Models = []string{"chat", "other"}
		c.Models = &boxmodels.Project{
			Experiment: "demo", Instance: "default", Names: c.Policy.Models, Budget: budget, Ledger: path, Handler: handler, Now: time.Now,
		}
	}
}

// newCaller is a server with models whose image calls them.
func newCaller(t testing.TB, budget ledger.Budget) *rig {
	t.Helper()
	e := dockertest.Engine(t)
	own := dockertest.Labels(t, e)
	id := dockertest.Image(t, e, own, caller(t)).ID
	give := withModels(t, budget)
	return newBare(t, func(c *mcpserver.Config) {
		give(c)
		c.Images = images{id}
		c.Boxes.Engine, c.Boxes.Labels, c.Boxes.Owner = e, own, "here/"+own[dockertest.Label]
	})
}

func TestAnswersTellWhatIsSpentAndLeft(t *testing.T) {
	t.Parallel()
	r := newCaller(t, ledger.Budget{Amount: ledger.Units(2), Currency: "USD", Stop: true})
	out, text := r.call("create", object{"image": "tool", "models": []string{"chat"}, "memory_mb": 256})
	if out["spend_usd"] != 0.0 || out["budget_left_usd"] != 2.0 || !strings.Contains(text, "0.00 USD spent on models this month and 2.00 left") ||
		!strings.Contains(text, "no network but models chat") {
		t.Errorf("%v %q", out, text)
	}
	if names, _ := out["models"].([]any); len(names) != 1 || names[0] != "chat" {
		t.Errorf("models %v", out["models"])
	}
	id := out.text("box")
	out, text = r.call("exec", object{"box": id, "command": []string{"/tool", "chat", "chat"}})
	spent, _ := out["spend_usd"].(float64)
	left, _ := out["budget_left_usd"].(float64)
	if !strings.HasPrefix(out.in("stdout").text("text"), "200 ") || spent <= 0 || spent > 0.001 || spent+left < 1.9999999 || spent+left > 2.0000001 {
		t.Errorf("%v %q", out, text)
	}
	for tool, args := range map[string]object{
		"status": {"box": id}, "list": {}, "exec_poll": {"box": id, "exec": "e1"}, "write_file": {"box": id, "path": "a", "content": "x"},
		"exec_start": {"box": id, "command": []string{"/tool", "env"}},
	} {
		if out, text := r.call(tool, args); out["spend_usd"] != spent || out["budget_left_usd"] != left || !strings.Contains(text, "spent on models") {
			t.Errorf("%s: %v %q", tool, out, text)
		}
	}
	out, _ = r.call("exec", object{"box": id, "command": []string{"/tool", "chat", "other"}})
	if !strings.HasPrefix(out.in("stdout").text("text"), "404 ") {
		t.Errorf("a model that the box has not: %v", out)
	}
	out, text = r.call("exec", object{"box": id, "command": []string{"/tool", "chat", "chat", "3000000"}})
	if got := out.in("stdout").text("text"); !strings.HasPrefix(got, "429 ") || !strings.Contains(got, "budget_exceeded") {
		t.Errorf("beyond the budget: %v %q", out, text)
	}
	out, _ = r.call("run", object{"image": "tool", "command": []string{"/tool", "openai", "other"}, "models": []string{"other", "chat"}, "memory_mb": 256})
	if !strings.HasPrefix(out.in("stdout").text("text"), "200 ") || out["spend_usd"].(float64) <= spent {
		t.Errorf("run: %v", out)
	}
	if out, _ := r.call("destroy", object{"box": id}); out["budget_left_usd"] == nil {
		t.Errorf("destroy: %v", out)
	}
}

// A box that was given no models has none, and the money is nothing of its.
func TestABoxHasNoModelsUnlessTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	r := newCaller(t, ledger.Budget{Amount: ledger.Units(2), Currency: "USD"})
	out, text := r.call("create", object{"image": "tool"})
	if out["spend_usd"] != nil || out["budget_left_usd"] != nil || strings.Contains(text, "spent") {
		t.Errorf("%v %q", out, text)
	}
	out, _ = r.call("exec", object{"box": out.text("box"), "command": []string{"/tool", "env", "OPENAI_BASE_URL", "IDENTITY_HEADER", "AZURE_CLIENT_ID"}})
	if got := strings.TrimSpace(out.in("stdout").text("text")); got != "" {
		t.Errorf("variables %q", got)
	}
}

func TestModelsThatAreNotAllowedAreRefused(t *testing.T) {
	t.Parallel()
	with := newBare(t, withModels(t, ledger.Budget{Currency: "USD"}))
	without := newBare(t, func(c *mcpserver.Config) {
		c.Policy.NoModels = mcpserver.Absence{Why: "nobody wants any", Mend: "do without"}
	})
	for name, tt := range map[string]struct {
		rig    *rig
		models []string
		want   string
	}{
		"another":    {with, []string{"chat", "gpt-9"}, "model \"gpt-9\" is not allowed: the models are chat, other\nTo mend it: use one of them"},
		"a disguise": {with, []string{"chat,other"}, `model "chat,other" is not allowed`},
		"a pattern":  {with, []string{"*"}, `model "*" is not allowed`},
		"nothing":    {with, []string{""}, `model "" is not allowed`},
		"twice":      {with, []string{"chat", "chat"}, `model "chat" is given twice`},
		"none":       {without, []string{"chat"}, "model \"chat\" is not allowed: there are no models: nobody wants any\nTo mend it: do without"},
	} {
		for tool, args := range map[string]object{
			"create": {"image": "tool", "models": tt.models}, "run": {"image": "tool", "command": []string{"x"}, "models": tt.models},
		} {
			if text := tt.rig.fails(tool, args); !strings.Contains(text, tt.want) {
				t.Errorf("%s, %s: %q, expected %q", name, tool, text, tt.want)
			}
		}
	}
}

// Money of another currency is told in words alone, and a project without a budget has
// nothing left of one. What cannot be read keeps no answer back.
func TestMoneyInEveryCase(t *testing.T) {
	t.Parallel()
	euros := newBare(t, withModels(t, ledger.Budget{Amount: ledger.Units(3), Currency: "EUR"}))
	out, text := euros.call("destroy", object{"box": "b-x"})
	if out["spend_usd"] != nil || out["budget_left_usd"] != nil || !strings.Contains(text, "0.00 EUR spent on models this month and 3.00 left") {
		t.Errorf("%v %q", out, text)
	}
	endless := newBare(t, withModels(t, ledger.Budget{Currency: "USD"}))
	if out, text = endless.call("destroy", object{"box": "b-x"}); out["spend_usd"] != 0.0 || out["budget_left_usd"] != nil || strings.Contains(text, "left") {
		t.Errorf("%v %q", out, text)
	}
	broken := newBare(t, withModels(t, ledger.Budget{Amount: ledger.Units(3), Currency: "USD"}))
	if err := os.Mkdir(broken.config.Models.Ledger, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, text = broken.call("destroy", object{"box": "b-x"}); out["spend_usd"] != nil || !strings.Contains(text, "what models have cost cannot be read") {
		t.Errorf("%v %q", out, text)
	}
}
