package azure_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/plan"
)

func TestFit(t *testing.T) {
	t.Parallel()
	g := &azure.Ground{Models: map[string]azure.SharedModel{"chat": {Deployment: "chat", Model: "gpt-4o", Version: "1"}}}
	for name, c := range map[string]struct {
		model      plan.Model
		want, hint string
	}{
		"the same":        {plan.Model{Name: "chat", Model: "gpt-4o"}, "", ""},
		"by its version":  {plan.Model{Name: "chat", Model: "gpt-4o", Version: "1"}, "", ""},
		"another model":   {plan.Model{Name: "chat", Model: "gpt-4o-mini"}, `"gpt-4o-mini" here and "gpt-4o"`, "chat: {model: gpt-4o}"},
		"another version": {plan.Model{Name: "chat", Model: "gpt-4o", Version: "2"}, `version "2" here and "1"`, "chat: {model: gpt-4o}"},
		"none":            {plan.Model{Name: "code", Model: "gpt-4o"}, `model "code" is none of platform "team"`, "add it to the platform's definition"},
	} {
		err := g.Fit(plan.Spec{Platform: "team", Models: []plan.Model{c.model}})
		var wrong *azure.ModelError
		switch {
		case c.want == "" && err == nil:
		case !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) || !strings.Contains(wrong.Hint(), c.hint) || wrong.ExitStatus() != 2:
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&azure.Ground{}).Fit(plan.Spec{Platform: "team", Models: []plan.Model{{Name: "chat"}}}); err == nil {
		t.Error("a platform without models has one")
	}
}
