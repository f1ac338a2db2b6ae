package definition

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/agext/levenshtein"
)

// didYouMean names the known word nearest to one that was written, if any is near.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// nearest is the known word with the fewest edits, at most a third of its letters.
func nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, fewest := "", 0
	for _, k := range known {
		if strings.EqualFold(word, k) {
			return k
		}
		edits := levenshtein.Distance(strings.ToLower(word), strings.ToLower(k), nil)
		if edits <= max(1, len(k)/3) && (best == "" || edits < fewest) {
			best, fewest = k, edits
		}
	}
	return best
}

// elsewhere says what a definition calls the things that people know from
// Compose files and Dockerfiles, and on which key of a workload they are.
func elsewhere() map[string]string {
	return map[string]string{
		"ports": `an app's one port is "ingress: {port: 8080, public: true}"`, "port": `write "ingress: {port: …}"`, "expose": `write "ingress: {port: …}"`,
		"environment": `variables are "env"`, "env_file": `variables are "env", values from a file "secrets"`,
		"entrypoint": `the entrypoint is "command"`, "depends_on": `write "needs"`, "links": `write "needs"`,
		"healthcheck": `write "health: {path: /healthz}"`, "deploy": `write "cpu", "memory" and "scale"`, "replicas": `write "scale: {min: …, max: …}"`,
		"mem_limit": `write "memory"`, "cpus": `write "cpu"`, "tmpfs": `a writable /tmp is "scratch: 512Mi"`,
		"volumes":    `there are no host mounts: "files" are copied into the image, "scratch" is a writable /tmp`,
		"privileged": "no workload is privileged", "network_mode": "an experiment has its own network", "networks": "an experiment has its own network",
		"cap_add": "no capability can be added", "cron": `write "schedule"`, "dockerfile": `write "build: {context: …, dockerfile: …}"`, "context": `write "build: {context: …}"`,
	}
}

// unknownHint says what to write in the place of an unknown key.
func unknownHint(path string, e entry, known []string) string {
	if path == "" {
		if hint := foreign(e); hint != "" {
			return hint
		}
	}
	if hint := didYouMean(e.key, known); hint != "" {
		return hint
	}
	inWorkload := strings.HasPrefix(path, "apps.") || strings.HasPrefix(path, "jobs.")
	if hint := elsewhere()[e.key]; hint != "" && inWorkload && strings.Count(path, ".") == 1 {
		return hint
	}
	if len(known) == 0 {
		return ""
	}
	return "known here: " + strings.Join(known, ", ")
}

// foreign recognises the files of other tools by their first key.
func foreign(e entry) string {
	switch {
	case e.key == "services" && e.value.kind == mapping:
		return "this is a Compose file; envctl reads envctl.yaml, where services are \"apps\""
	case e.key == "apiVersion" && strings.HasPrefix(e.value.source, "score.dev/"):
		return "this is a Score file; envctl reads envctl.yaml, where containers are \"apps\""
	}
	return ""
}

// ruleHint says how to mend a text that breaks a rule in a well-known way.
func ruleHint(rule, s string) string {
	switch rule {
	case "name", "label", "workload":
		label := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(s), "-")
		label = strings.TrimLeft(strings.Trim(label, "-"), "0123456789-")
		if label != s && compiledRules()[rule].refuse(label) == "" {
			return fmt.Sprintf("did you mean %q?", label)
		}
	case "variable":
		if compiledRules()[rule].exclude.MatchString(s) {
			return "remove it or give it another name"
		}
	case "egress":
		return egressHint(s)
	case "image":
		if label := strings.ToLower(s); label != s && compiledRules()[rule].refuse(label) == "" {
			return fmt.Sprintf("repository names are lower case: %q", label)
		}
	case "path":
		if strings.HasPrefix(s, "/") || strings.Contains(s, "..") {
			return "put the file below the definition, or the definition above the file"
		}
	}
	return ""
}

func egressHint(s string) string {
	if host, ok := strings.CutPrefix(s, "https://"); ok {
		host, _, _ = strings.Cut(host, "/")
		return fmt.Sprintf("write the host alone: %q", host)
	}
	bare, _, _ := strings.Cut(strings.TrimPrefix(s, "["), "/")
	if _, err := netip.ParseAddr(strings.TrimSuffix(bare, "]")); err == nil {
		return "rules are kept by name: give the host's name"
	}
	if s == "*" {
		return "name the hosts or domains: nothing opens everything"
	}
	if lower := strings.ToLower(s); lower != s {
		return fmt.Sprintf("did you mean %q?", lower)
	}
	return ""
}
