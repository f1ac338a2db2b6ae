package duty_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/steward/duty"
)

func modelEnv(a *azure) map[string]string {
	return map[string]string{
		duty.EnvEndpoint: a.URL + "/", duty.EnvDeployments: "chat,m.a", duty.EnvAPIVersion: "2024-10-21", duty.EnvDeadline: "10m",
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	const call = "POST /openai/deployments/"
	refused := failed(http.StatusBadRequest, "BadRequest")
	tests := map[string]struct {
		chat   []reply
		status int
		want   string
	}{
		"at once":             {chat: []reply{refused}, want: `the model deployment "m.a" answers`},
		"throttled is there":  {chat: []reply{failed(http.StatusTooManyRequests, "429")}, want: `"chat" answers`},
		"the role comes late": {chat: []reply{failed(http.StatusUnauthorized, "PermissionDenied"), refused}, want: `waiting for the model deployment "chat" to answer: HTTP 401 PermissionDenied`},
		"it comes late":       {chat: []reply{failed(http.StatusNotFound, "DeploymentNotFound"), {status: http.StatusServiceUnavailable}, refused}, want: "DeploymentNotFound"},
		"it never comes": {chat: []reply{failed(http.StatusNotFound, "DeploymentNotFound")}, status: 1,
			want: `gave up after 10m0s of waiting for the model deployment "chat" to answer: the last answer was: HTTP 404 DeploymentNotFound: the message`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.answer[call+"chat/chat/completions"] = tt.chat
			a.answer[call+"m.a/chat/completions"] = []reply{refused}
			status, out, slept := a.run(t, duty.Ready, modelEnv(a))
			if status != tt.status || !strings.Contains(out, tt.want) {
				t.Errorf("status %d, expected %d; output without %q:\n%s", status, tt.status, tt.want, out)
			}
			if body := a.bodies[call+"chat/chat/completions"]; body != "{}" {
				t.Errorf("asked with %q, expected a request that costs nothing", body)
			}
			if slept > 10*time.Minute || tt.status == 0 && a.count(call+"m.a/chat/completions?api-version=2024-10-21") != 1 {
				t.Errorf("after %s: %q", slept, a.calls)
			}
		})
	}
}

func TestReadyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	for name := range maps.Keys(modelEnv(a)) {
		if name == duty.EnvDeadline {
			continue
		}
		env := modelEnv(a)
		env[name] = ""
		if status, out, _ := a.run(t, duty.Ready, env); status != 1 || !strings.Contains(out, "variable "+name+" is not set") {
			t.Errorf("without %s: status %d, %s", name, status, out)
		}
	}
}
