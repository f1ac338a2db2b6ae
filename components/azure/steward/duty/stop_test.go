package duty_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/steward/duty"
)

const appsID = groupID + "/providers/Microsoft.App/"

func spent(amount, spend float64) reply {
	return reply{status: http.StatusOK, body: map[string]any{"properties": map[string]any{
		"amount": amount, "currentSpend": map[string]any{"amount": spend, "unit": "EUR"},
	}}}
}

func found(kind, next string, names ...string) reply {
	var value []map[string]any
	for _, name := range names {
		name, status, _ := strings.Cut(name, "=")
		one := map[string]any{"id": appsID + kind + "/" + name, "name": name, "properties": map[string]string{"runningStatus": status}}
		if strings.HasPrefix(name, "envctl-") {
			one["tags"] = map[string]string{"dev.envctl.kind": "steward"}
		}
		value = append(value, one)
	}
	return reply{status: http.StatusOK, body: map[string]any{"value": value, "nextLink": next}}
}

func TestStop(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		amount, spend float64
		stops         []string
		want          string
	}{
		"below":     {amount: 50, spend: 49.99, want: "spent 49.99 of 50.00 EUR"},
		"used up":   {amount: 50, spend: 50, stops: []string{"containerApps/api", "containerApps/web", "jobs/analyze"}, want: "stopped api"},
		"no amount": {amount: 0, spend: 1, want: "spent 1.00 of 0.00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.answer["GET "+budgetID] = []reply{failed(http.StatusForbidden, "RBACAccessDenied"), spent(tt.amount, tt.spend)}
			a.answer["GET "+appsID+"containerApps"] = []reply{
				found("containerApps", a.URL+appsID+"containerApps?api-version=2025-01-01&$skiptoken=x", "api", "old=Stopped"),
				found("containerApps", "", "web=Running"),
			}
			a.answer["GET "+appsID+"jobs"] = []reply{found("jobs", "", "analyze=Ready", "envctl-stop", "envctl-expire")}
			for _, app := range []string{"containerApps/api", "containerApps/web", "jobs/analyze"} {
				a.answer["POST "+appsID+app+"/stop"] = []reply{{status: http.StatusAccepted}}
			}
			status, out, _ := a.run(t, duty.Stop, map[string]string{duty.EnvBudget: budgetID})
			if status != 0 || !strings.Contains(out, tt.want) {
				t.Errorf("status %d; output without %q:\n%s", status, tt.want, out)
			}
			if n := a.count("POST"); n != len(tt.stops) {
				t.Errorf("%d stops, expected %d: %q", n, len(tt.stops), a.calls)
			}
			for _, app := range tt.stops {
				if a.count("POST "+appsID+app+"/stop?api-version=2025-01-01") != 1 {
					t.Errorf("%s was not stopped: %q", app, a.calls)
				}
			}
			if n := a.count("GET " + appsID + "containerApps?api-version=2025-01-01&%24skiptoken=x"); n != min(1, len(tt.stops)) {
				t.Errorf("the second page was read %d times: %q", n, a.calls)
			}
		})
	}
}

func TestStopTriesUntilABusyAppStops(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.answer["GET "+budgetID] = []reply{spent(50, 80)}
	a.answer["GET "+appsID+"containerApps"] = []reply{found("containerApps", "", "api")}
	a.answer["GET "+appsID+"jobs"] = []reply{found("jobs", "", "idle")}
	a.answer["POST "+appsID+"containerApps/api/stop"] = []reply{failed(http.StatusConflict, "ContainerAppOperationInProgress"), {status: http.StatusOK}}
	a.answer["POST "+appsID+"jobs/idle/stop"] = []reply{failed(http.StatusBadRequest, "NoRunningExecution")}
	status, out, _ := a.run(t, duty.Stop, map[string]string{duty.EnvBudget: budgetID})
	for _, want := range []string{"ContainerAppOperationInProgress", "stopped api", "idle cannot be stopped: HTTP 400 NoRunningExecution"} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("status %d; output without %q:\n%s", status, want, out)
		}
	}
}

func TestStopFollowsNoPageElsewhere(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.answer["GET "+budgetID] = []reply{spent(50, 80)}
	a.answer["GET "+appsID+"containerApps"] = []reply{found("containerApps", "https://evil.example/next", "api")}
	status, out, _ := a.run(t, duty.Stop, map[string]string{duty.EnvBudget: budgetID})
	if status != 1 || !strings.Contains(out, `"https://evil.example/next", which is not at Resource Manager`) {
		t.Errorf("status %d:\n%s", status, out)
	}
}

func TestStopWithoutABudgetSaysSo(t *testing.T) {
	t.Parallel()
	status, out, _ := newAzure(t).run(t, duty.Stop, map[string]string{duty.EnvBudget: budgetID})
	if status != 1 || !strings.Contains(out, "there is no budget "+budgetID) {
		t.Errorf("status %d:\n%s", status, out)
	}
}
