// Package starter writes a definition to begin with: from what a Dockerfile says, or
// from nothing. What it writes passes `envctl check`, and says in comments what to
// think about.
package starter

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/envctl/envctl/components/definition"
)

// Options say what to write.
type Options struct {
	Name string // of the experiment; see [NameOf]
	// Dockerfile is the Dockerfile's path relative to the definition, with slashes;
	// empty: there is none yet, and it is expected beside the definition.
	Dockerfile string
	Image      Image
}

// Definition returns the text of an envctl.yaml.
func Definition(o Options) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	b.WriteString(definition.SchemaLine)
	line("name: %s", quote(o.Name))
	line("ttl: 8h # after this it may be destroyed; leave it out to keep it")
	line("apps:")
	line("  app:")
	line("    build: %s", build(o.Dockerfile))
	line("    cpu: 0.5")
	line("    memory: 1Gi")
	user(line, o.Image.User)
	ingress(line, o.Image)
	line("    # scratch: 64Mi # a writable /tmp; everything else is read-only")
	line("    # env: {LOG_LEVEL: info}")
	return []byte(b.String())
}

func build(dockerfile string) string {
	if dockerfile == "" {
		return "{context: .}"
	}
	dir, file := path.Split(dockerfile)
	context := path.Clean("./" + dir)
	if context != "." {
		context = "./" + context
	}
	if file == "Dockerfile" {
		return "{context: " + quote(context) + "}"
	}
	return "{context: " + quote(context) + ", dockerfile: " + quote(file) + "}"
}

// user carries a numeric user over; root and names cannot be.
func user(line func(string, ...any), from string) {
	name, _, _ := strings.Cut(from, ":")
	uid, err := strconv.ParseInt(name, 10, 64)
	switch {
	case name == "":
	case err == nil && uid > 0:
		line("    user: %d", uid)
	case name == "root" || uid == 0 && err == nil:
		line("    # The Dockerfile's USER is root; the sandbox runs it as 65532.")
	default:
		line("    # The Dockerfile's USER %s is a name; give its number, else it is 65532.", strconv.Quote(name))
		line("    # user: 1000")
	}
}

func ingress(line func(string, ...any), i Image) {
	if i.Port == 0 {
		line("    # Without ingress nothing can connect to it:")
		line("    # ingress: {port: 8080, public: true}")
		line("    # health: {path: /healthz}")
		return
	}
	line("    ingress: {port: %d, public: true}", i.Port)
	if i.Health != "" {
		line("    health: {path: %s}", quote(i.Health))
	} else {
		line("    # health: {path: /healthz}")
	}
}

// bare is text that needs no quotes in YAML's flow style.
var bare = regexp.MustCompile(`^[a-z./][a-zA-Z0-9._/-]*$`)

func quote(s string) string {
	if bare.MatchString(s) && s != "true" && s != "false" && s != "null" {
		return s
	}
	return strconv.Quote(s)
}

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

// NameOf turns the name of a folder into that of an experiment: a DNS label of 2 to
// 32 characters.
func NameOf(folder string) string {
	name := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(folder), "-"), "-")
	name = strings.TrimLeft(name, "0123456789-")
	if len(name) > 32 {
		name = strings.TrimRight(name[:32], "-")
	}
	if len(name) < 2 {
		return "experiment"
	}
	return name
}
