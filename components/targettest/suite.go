package targettest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// suite is one run of the suite.
type suite struct {
	target Target
	Session
	facts Facts
	url   string // of the app api
}

// Run takes envctl through the life of an experiment on a target. The parts are
// tests of t, in their order; where one fails, what builds on it is left out.
func Run(t *testing.T, target Target) Facts {
	t.Helper()
	s := &suite{target: target, Session: target.Begin(t), facts: Facts{Refusals: map[string][]string{}, Jobs: map[string]int{}, Models: map[string]string{}}}
	s.Write("app/echo", buildEcho(t), true)
	s.Write("app/Dockerfile", []byte(dockerfile), false)
	t.Run("refuses", s.refuses)
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"is-not-there", s.isNotThere}, {"fails-in-words", s.failsInWords}, {"comes-up", s.comesUp},
		{"has-outputs", s.hasOutputs}, {"gets-variables", s.getsVariables}, {"answers-with-models", s.answersWithModels}, {"needs-come-first", s.needsComeFirst},
		{"keeps-secrets", s.keepsSecrets}, {"writes-logs", s.writesLogs}, {"runs-commands", s.runsCommands},
		{"runs-jobs", s.runsJobs}, {"brings-outputs-back", s.bringsOutputsBack}, {"is-unchanged", s.isUnchanged}, {"goes-down", s.goesDown},
	} {
		if !t.Run(part.name, part.test) {
			break
		}
	}
	return s.facts
}

// call runs a command about the target.
func (s *suite) call(t *testing.T, status int, command string, args ...string) Call {
	t.Helper()
	all := append([]string{command}, s.target.Flags...)
	c := s.Envctl(append(all, args...)...)
	if c.Status != status {
		t.Fatalf("envctl %q: exit status %d, expected %d\nstdout:\n%s\nstderr:\n%s", c.Args, c.Status, status, c.Stdout, c.Stderr)
	}
	return c
}

// up brings the experiment up with the health of api.
func (s *suite) up(t *testing.T, status int, health string, args ...string) Call {
	t.Helper()
	s.Write("envctl.yaml", define(experiment, s.Name(), health), false)
	return s.call(t, status, "up", append(slices.Clone(s.target.Up), args...)...)
}

// object reads the one object of -o json.
func object(t *testing.T, c Call) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(c.Stdout), &out); err != nil {
		t.Fatalf("envctl %q: %v in\n%s\nstderr:\n%s", c.Args, err, c.Stdout, c.Stderr)
	}
	return out
}

// at is the value at a path of keys, nil where there is none.
func at(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// text is the string at a path; the test fails where there is none.
func text(t *testing.T, v any, path ...string) string {
	t.Helper()
	s, ok := at(v, path...).(string)
	if !ok || s == "" {
		t.Fatalf("no %s in %v", strings.Join(path, "."), v)
	}
	return s
}

// patience bounds the wait for an answer of an app that is up.
const patience = 10 * time.Second

// get asks the app api.
func (s *suite) get(t *testing.T, path string) string {
	t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var body string
		if body, last = ask(t, s.url+path); last == nil {
			return strings.TrimSpace(body)
		}
	}
	t.Fatalf("GET %s: %v", s.url+path, last)
	return ""
}

func ask(t *testing.T, url string) (string, error) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", answer.StatusCode, body)
	}
	return string(body), err
}

// holds fails the test unless text has every part.
func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}
