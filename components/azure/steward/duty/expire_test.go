package duty_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/steward/duty"
)

const (
	past   = "2026-01-31T11:59:59Z"
	future = "2026-01-31T12:00:01Z"
)

func group(state, expires string) reply {
	return reply{status: http.StatusOK, body: map[string]any{
		"properties": map[string]string{"provisioningState": state}, "tags": map[string]string{"dev.envctl.expires": expires},
	}}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	denied, gone := failed(http.StatusForbidden, "AuthorizationFailed"), failed(http.StatusNotFound, "ResourceGroupNotFound")
	accepted := reply{status: http.StatusAccepted}
	tests := map[string]struct {
		expires      string
		get, del     []reply
		tokens       []reply
		status, dels int
		want         string
	}{
		"not yet":                    {expires: future, status: 0, want: "expires at 2026-01-31T12:00:01Z, in 1s"},
		"deleted and gone":           {expires: past, get: []reply{group("Succeeded", past), gone}, del: []reply{accepted}, dels: 1, want: "gone or going"},
		"deleted and going":          {expires: past, get: []reply{group("Succeeded", past), group("Deleting", past)}, del: []reply{accepted}, dels: 1, want: "gone or going"},
		"gone already":               {expires: past, get: []reply{gone}, want: "gone or going"},
		"the group says later":       {expires: past, get: []reply{group("Succeeded", future)}, want: "expires at " + future},
		"the role has no effect yet": {expires: past, get: []reply{denied, denied, group("Succeeded", past), gone}, del: []reply{accepted}, dels: 1, want: "HTTP 403 AuthorizationFailed: the message"},
		"the delete is refused at first": {expires: past, get: []reply{group("Succeeded", past), group("Succeeded", past), gone},
			del: []reply{denied, accepted}, dels: 2, want: "AuthorizationFailed"},
		"never allowed": {expires: past, get: []reply{denied}, status: 1,
			want: "gave up after 5m0s of waiting for the resource group to be deleted: the last answer was: HTTP 403"},
		"a wrong request":  {expires: past, get: []reply{failed(http.StatusBadRequest, "InvalidRequest")}, status: 1, want: "HTTP 400 InvalidRequest"},
		"no JSON at first": {expires: past, get: []reply{{status: http.StatusOK, body: "<html>"}, group("Deleting", past)}, want: "is no JSON"},
		"no token at first": {expires: past, get: []reply{gone}, tokens: []reply{failed(http.StatusBadRequest, "identity not found"), {status: http.StatusOK, body: "{}"}},
			want: "the identity has no token yet: HTTP 400 identity not found"},
		"a time that is none": {expires: "tomorrow", status: 1, want: `ENVCTL_EXPIRES is "tomorrow"`},
		"no time":             {status: 1, want: "variable ENVCTL_EXPIRES is not set"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.answer["GET "+groupID], a.answer["DELETE "+groupID], a.tokens = tt.get, tt.del, tt.tokens
			status, out, slept := a.run(t, duty.Expire, map[string]string{duty.EnvExpires: tt.expires})
			if status != tt.status || !strings.Contains(out, tt.want) {
				t.Errorf("status %d, expected %d; output without %q:\n%s", status, tt.status, tt.want, out)
			}
			if n := a.count("DELETE " + groupID + "?api-version=2022-09-01"); n != tt.dels {
				t.Errorf("%d deletes, expected %d", n, tt.dels)
			}
			if slept > 5*time.Minute {
				t.Errorf("it tried for %s, beyond the deadline", slept)
			}
		})
	}
}

func TestTheServersPaceIsKept(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	slow := failed(http.StatusTooManyRequests, "Throttled")
	slow.header = "37"
	a.answer["GET "+groupID] = []reply{slow, group("Deleting", past)}
	if status, out, slept := a.run(t, duty.Expire, map[string]string{duty.EnvExpires: past}); status != 0 || slept != 37*time.Second {
		t.Errorf("status %d after %s, expected 0 after 37s:\n%s", status, slept, out)
	}
}

func TestADeadServerIsNamed(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.Close()
	status, out, _ := a.run(t, duty.Expire, map[string]string{duty.EnvExpires: past, duty.EnvDeadline: "10s"})
	if status != 1 || !strings.Contains(out, "gave up after 10s") || !strings.Contains(out, "no answer") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"", "destroy"} {
		if status, out, _ := newAzure(t).run(t, args, nil); status != 2 || !strings.Contains(out, "expected one of expire, stop and ready") {
			t.Errorf("%q: status %d, %s", args, status, out)
		}
	}
	if status, out, _ := newAzure(t).run(t, duty.Stop, map[string]string{duty.EnvBudget: budgetID, duty.EnvDeadline: "soon"}); status != 1 ||
		!strings.Contains(out, `ENVCTL_DEADLINE is "soon"`) {
		t.Errorf("status %d, %s", status, out)
	}
}
