package targettest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// pinned is an image by digest.
var pinned = regexp.MustCompile(`@(sha256:[0-9a-f]{64})$`)

// hasOutputs: the keys of the outputs and what runs are the same everywhere.
func (s *suite) hasOutputs(t *testing.T) {
	outputs := object(t, s.call(t, 0, "outputs", "-o", "json"))
	if inner, ok := outputs["outputs"].(map[string]any); ok {
		outputs = inner
	}
	s.facts.Images = map[string]int{}
	known := map[string]int{}
	for _, w := range [][2]string{{"apps", "api"}, {"apps", "store"}, {"jobs", "good"}, {"jobs", "think"}, {"jobs", "bad"}, {"jobs", "slow"}} {
		ref := text(t, outputs, w[0], w[1], "image")
		m := pinned.FindStringSubmatch(ref)
		if m == nil {
			t.Errorf("%s %s runs %q, which is no digest", w[0], w[1], ref)
			continue
		}
		if known[m[1]] == 0 {
			known[m[1]] = len(known) + 1
		}
		s.facts.Images[w[1]] = known[m[1]]
	}
	if at(outputs, "apps", "store", "url") != nil {
		t.Error("store is not public and has an address")
	}
	text(t, outputs, "registry")
	text(t, outputs, "environment")
	for _, top := range []string{"apps", "jobs", "models", "registry", "environment"} {
		s.facts.Outputs = append(s.facts.Outputs, leaves(top, outputs[top])...)
	}
	slices.Sort(s.facts.Outputs)
}

// leaves are the paths of the values below one.
func leaves(path string, v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		if v == nil {
			return nil
		}
		return []string{path}
	}
	var out []string
	for key, value := range m {
		out = append(out, leaves(path+"."+key, value)...)
	}
	return out
}

// getsVariables: an app finds the same variables everywhere.
func (s *suite) getsVariables(t *testing.T) {
	var all map[string]string
	if err := json.Unmarshal([]byte(s.get(t, "/environ")), &all); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"WHO": "api", "LOG_LEVEL": "info", "TOKEN": Token,
		"ENVCTL_EXPERIMENT": s.Name(), "ENVCTL_TARGET": s.target.Name, "CONTAINER_APP_PORT": "8080",
	} {
		if all[name] != want {
			t.Errorf("%s is %q, expected %q", name, all[name], want)
		}
	}
	s.facts.Variables = map[string]string{}
	for name, value := range all {
		if Known(name) == "" && !machine[name] {
			s.facts.Variables[name] = neutral(name, value, s.Name())
		}
	}
}

// client is the form of an identity's client id.
var client = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// machine are variables of every container, which envctl has no part in.
var machine = map[string]bool{"PATH": true, "HOME": true, "HOSTNAME": true}

// neutral is a value without what is the target's own.
func neutral(name, value, experiment string) string {
	switch {
	case value == "":
		return ""
	case name == "ENVCTL_TARGET":
		return "TARGET"
	case strings.HasSuffix(name, "_URL"), strings.HasSuffix(name, "_ENDPOINT"):
		return "URL"
	case name == "AZURE_CLIENT_ID" && client.MatchString(value):
		return "CLIENT"
	case name == "IDENTITY_HEADER":
		return "HEADER"
	case strings.HasSuffix(name, "_DEPLOYMENT"):
		return "DEPLOYMENT"
	case name == "ENVCTL_EXPIRES":
		if _, err := time.Parse(time.RFC3339, value); err == nil {
			return "TIME"
		}
	case name == "CONTAINER_APP_REVISION" && strings.Contains(value, "--"):
		return "REVISION"
	case name == "CONTAINER_APP_REPLICA_NAME" && strings.Contains(value, "--"):
		return "REPLICA"
	case name == "CONTAINER_APP_ENV_DNS_SUFFIX" && strings.Contains(value, "."):
		return "SUFFIX"
	case name == "CONTAINER_APP_HOSTNAME" && strings.Contains(value, "."):
		return "HOST"
	}
	return strings.ReplaceAll(value, experiment, "EXPERIMENT")
}

// answersWithModels: code that has nothing but its variables gets a token of its
// identity for the models, and for nothing else, and an answer of a model; what it
// makes up is refused.
func (s *suite) answersWithModels(t *testing.T) {
	for path, want := range map[string]string{
		"/chat": "answered", "/chat?base=OPENAI_BASE_URL": "answered", "/chat?deployment=other": "404 DeploymentNotFound", "/chat?token=made-up": "401",
		"/token?header=another": "403", "/token?client=00000000-0000-4000-8000-000000000000": "400", "/token": "token",
	} {
		got := s.get(t, path)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, expected %s", path, got, want)
		}
		s.facts.Models[path] = want
	}
}

// needsComeFirst: what an app needs answered before the app itself began.
func (s *suite) needsComeFirst(t *testing.T) {
	if got := s.get(t, "/needs"); got != "store" {
		t.Errorf("when api began, store said %q, expected store", got)
	}
	if got := s.get(t, "/fetch?variable=STORE_URL&path=/who"); got != "store" {
		t.Errorf("store says %q, expected store", got)
	}
}

// keepsSecrets: no command shows a secret, and without its value nothing is done.
func (s *suite) keepsSecrets(t *testing.T) {
	for _, c := range [][]string{{"status"}, {"outputs"}, {"preview"}} {
		for _, format := range []string{"text", "json"} {
			got := s.call(t, 0, c[0], "-o", format)
			if strings.Contains(got.Stdout+got.Stderr, Token) {
				t.Errorf("%s -o %s shows the secret", c[0], format)
			}
		}
	}
}

func (s *suite) writesLogs(t *testing.T) {
	for _, app := range []string{"api", "store"} {
		holds(t, s.call(t, 0, "logs", app).Stdout, "this is "+app)
	}
	s.call(t, invalid, "logs", "nobody")
}

// runsCommands: a command's output and exit status are its own.
func (s *suite) runsCommands(t *testing.T) {
	if got := strings.TrimSpace(s.call(t, 0, "exec", "api", "--", "/echo", "env", "WHO").Stdout); got != "api" {
		t.Errorf("env WHO in api: %q, expected api", got)
	}
	s.call(t, 5, "exec", "api", "--", "/echo", "exit", "5")
}

// runsJobs: a job's output and exit status are its own, and its time is limited.
func (s *suite) runsJobs(t *testing.T) {
	for job, status := range map[string]int{"good": 0, "bad": 7, "think": 0} {
		c := s.call(t, status, "run", job)
		s.facts.Jobs[job] = c.Status
		if job == "good" {
			holds(t, c.Stdout, "store")
		}
		if job == "think" {
			holds(t, c.Stdout, "answered")
		}
	}
	c := s.call(t, 1, "run", "slow")
	s.facts.Jobs["slow"] = c.Status
	holds(t, c.Stderr, "slow", "time limit", "2s", "raise jobs.slow.timeout")
}

// bringsOutputsBack: what a job leaves comes to the folder that is asked for, also
// of one that fails, and of each run only its own.
func (s *suite) bringsOutputsBack(t *testing.T) {
	s.call(t, 0, "run", "leave", "--out", "results")
	s.facts.Files = s.Files("results")
	if want := map[string]string{"deep/er/result.txt": "left by a job"}; !maps.Equal(s.facts.Files, want) {
		t.Fatalf("%v came back, expected %v", s.facts.Files, want)
	}
	s.call(t, 7, "run", "leave", "--out", "second", "--", "leave", "/out/other.txt", "left before it failed", "7")
	if got, want := s.Files("second"), map[string]string{"other.txt": "left before it failed"}; !maps.Equal(got, want) {
		t.Errorf("%v came back of a run that failed, expected %v", got, want)
	}
}
