package definition

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

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

// unknownKey is what is said of one.
const unknownKey = "unknown key"

// unknownHint says what to write in the place of an unknown key.
func unknownHint(path string, e entry, known []string) string {
	if group, _, _ := strings.Cut(path, "."); (group == "apps" || group == "jobs") && strings.Count(path, ".") == 1 {
		switch {
		case group == "jobs" && slices.Contains([]string{"ingress", "health", "scale"}, e.key):
			return "only an app has " + e.key
		case group == "apps" && slices.Contains([]string{"schedule", "timeout", "retries", "outputs"}, e.key):
			return "only a job has " + e.key
		case elsewhere()[e.key] != "":
			return elsewhere()[e.key]
		}
	}
	if hint := didYouMean(e.key, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return ""
	}
	return "known here: " + strings.Join(known, ", ")
}

// shapeHint says how to write a value that has another form than its key takes.
func shapeHint(n *node, path, expected string) string {
	key := path[strings.LastIndex(path, ".")+1:]
	_, err := strconv.ParseFloat(n.source, 64)
	switch {
	case expected == "a string" && n.kind < text:
		return "put it in quotes: " + strconv.Quote(n.source)
	case expected == "true or false":
		return "write true or false, without quotes"
	case (expected == "an integer" || expected == "a number") && n.kind == text && err == nil:
		return "write it without quotes"
	case expected == "a list" && n.kind < list:
		return fmt.Sprintf("write [%s]", quote(n))
	case key == "build" && n.kind == text:
		return fmt.Sprintf(`write "build: {context: %s}"`, shorten(n.source))
	case key == "ingress" && n.kind == integer:
		return fmt.Sprintf(`write "ingress: {port: %s}"`, shorten(n.source))
	}
	return ""
}

// foreign reports a file of another tool, whose keys are not worth going through.
func (d *decoder) foreign(n *node) bool {
	for _, e := range n.entries {
		if hint := foreignHint(e); hint != "" {
			d.problem(e.at, e.key, unknownKey, hint)
			d.broken[""] = true
			return true
		}
	}
	return false
}

// foreignHint recognises the files of other tools by their first key.
func foreignHint(e entry) string {
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
		if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
			return ""
		}
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

// CheckEgress judges one entry of an egress list as a definition's are: why it is
// refused, to go on from the quoted entry, and how to mend it. Both are empty for one
// that is fine.
func CheckEgress(entry string) (why, hint string) {
	if why = compiledRules()["egress"].refuse(entry); why != "" {
		hint = cmp.Or(egressHint(entry), "name a host, as api.github.com")
	}
	return why, hint
}

func egressHint(s string) string {
	if host, ok := strings.CutPrefix(s, "https://"); ok {
		host, _, _ = strings.Cut(host, "/")
		return fmt.Sprintf("write the host alone: %q", host)
	}
	bare, _, _ := strings.Cut(s, "/")
	_, port := netip.ParseAddrPort(bare)
	_, addr := netip.ParseAddr(strings.Trim(bare, "[]"))
	if port == nil || addr == nil {
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
