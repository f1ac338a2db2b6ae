package targettest

import (
	"maps"
	"slices"
	"testing"
)

// refuses: a definition that is wrong is refused by check and by up, with the same
// status and the same problems at the same places.
func (s *suite) refuses(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		s.Write("wrong.yaml", define(wrong[name]+"targets:\n  azure: {location: swedencentral}\n", s.Name(), "200"), false)
		c := s.Envctl(append([]string{"check", "-f", "wrong.yaml", "-o", "json"}, s.target.Flags...)...)
		problems, ok := object(t, c)["problems"].([]any)
		if !ok || len(problems) == 0 || c.Status != invalid && c.Status != refused {
			t.Errorf("%s: check ends with %d and names no problem:\n%s%s", name, c.Status, c.Stdout, c.Stderr)
			continue
		}
		var at []string
		for _, p := range problems {
			at = append(at, text(t, p, "path")+": "+text(t, p, "message"))
		}
		slices.Sort(at)
		s.facts.Refusals[name] = at
		s.call(t, c.Status, "up", append(slices.Clone(s.target.Up), "-f", "wrong.yaml")...)
	}
}

// Exit statuses of a definition that is not taken.
const (
	invalid = 2
	refused = 3 // by a policy
)

func (s *suite) isNotThere(t *testing.T) {
	s.Write("envctl.yaml", define(experiment, s.Name(), "200"), false)
	if got := text(t, object(t, s.call(t, 0, "status", "-o", "json")), "result"); got != "absent" {
		t.Errorf("status of what was never up: %q, expected absent", got)
	}
	if got := text(t, object(t, s.call(t, 0, "down", "-o", "json")), "result"); got != "absent" {
		t.Errorf("down of what was never up: %q, expected absent", got)
	}
}

// failsInWords: an app that does not become healthy fails the up, which names the app
// and says what the check said.
func (s *suite) failsInWords(t *testing.T) {
	c := s.up(t, 1, "503")
	holds(t, c.Stderr, "api", "503", "/healthz")
	for _, a := range apps(object(t, s.call(t, 0, "status", "-o", "json"))) {
		if a["name"] == "api" && a["state"] == "running" {
			t.Errorf("an app whose check fails is said to run: %v", a)
		}
	}
}

func apps(status map[string]any) []map[string]any {
	var out []map[string]any
	list, _ := status["apps"].([]any)
	for _, a := range list {
		if app, ok := a.(map[string]any); ok {
			out = append(out, app)
		}
	}
	return out
}

// comesUp: the same definition without the fault mends it.
func (s *suite) comesUp(t *testing.T) {
	result := object(t, s.up(t, 0, "200", "-o", "json"))
	if got := text(t, result, "result"); got != "updated" && got != "created" {
		t.Errorf("up: %q, expected created or updated", got)
	}
	if got := text(t, result, "target"); got != s.target.Name {
		t.Errorf("the target is %q, expected %s", got, s.target.Name)
	}
	if text(t, result, "expires") == "" {
		t.Error("it does not expire")
	}
	s.url = text(t, result, "outputs", "apps", "api", "url")
	status := object(t, s.call(t, 0, "status", "-o", "json"))
	if got := text(t, status, "result"); got != "running" {
		t.Errorf("status: %q, expected running", got)
	}
	for _, a := range apps(status) {
		if a["state"] != "running" {
			t.Errorf("app %v, expected it to run", a)
		}
	}
	if len(apps(status)) != 2 {
		t.Errorf("%d apps in the status, expected 2", len(apps(status)))
	}
}

// isUnchanged: the same again changes nothing.
func (s *suite) isUnchanged(t *testing.T) {
	preview := s.call(t, 0, "preview").Stdout
	if got := text(t, object(t, s.up(t, 0, "200", "-o", "json")), "result"); got != "unchanged" {
		t.Errorf("up once more: %q, expected unchanged; the preview before:\n%s", got, preview)
	}
}

// goesDown: what answered no longer does, and once more there is nothing to do.
func (s *suite) goesDown(t *testing.T) {
	for _, want := range []string{"destroyed", "absent"} {
		if got := text(t, object(t, s.call(t, 0, "down", "-o", "json")), "result"); got != want {
			t.Errorf("down: %q, expected %s", got, want)
		}
	}
	if _, err := ask(t, s.url+"/who"); err == nil {
		t.Errorf("%s still answers", s.url)
	}
}
