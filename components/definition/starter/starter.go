// Package starter writes the first envctl.yaml of a folder: commented, valid,
// and as far as the folder's Dockerfile says.
package starter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/envctl/envctl/components/definition"
)

// Options say what to write.
type Options struct {
	Name       string      // of the experiment; a DNS label, as [Name] gives
	Dockerfile *Dockerfile // nil: the folder has none
}

// Detect gives the options for a folder: its name, and its Dockerfile if it has one.
func Detect(dir string) (Options, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return Options{}, fmt.Errorf("find the folder %q: %w", dir, err)
	}
	opts := Options{Name: Name(filepath.Base(absolute))}
	f, err := os.Open(filepath.Join(absolute, "Dockerfile"))
	if errors.Is(err, fs.ErrNotExist) {
		return opts, nil
	}
	if err != nil {
		return Options{}, fmt.Errorf("read the Dockerfile: %w", err)
	}
	parsed, err := ParseDockerfile(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return Options{}, err
	}
	opts.Dockerfile = &parsed
	return opts, nil
}

// Name turns a folder's name into the name of an experiment: lower case, other
// characters to hyphens, a letter first, at most 32 characters; "experiment"
// where nothing remains.
func Name(folder string) string {
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(folder), "-")
	name = strings.TrimLeft(name, "0123456789-")
	name = strings.Trim(name[:min(len(name), 32)], "-")
	if len(name) < 2 {
		return "experiment"
	}
	return name
}

// Starter is the text of an envctl.yaml that [definition.Read] accepts.
func Starter(opts Options) []byte {
	var b strings.Builder
	b.WriteString(definition.SchemaLine)
	fmt.Fprintf(&b, "# What runs here. `envctl check` reads it, `envctl up` starts it, `envctl down` removes it.\nname: %s\n", opts.Name)
	b.WriteString("# ttl: 8h                     # `envctl gc` destroys it after this time\n\napps:\n  app:\n")
	if opts.Dockerfile == nil {
		b.WriteString("    # There is no Dockerfile in this folder yet: write one, or name an image instead.\n")
		b.WriteString("    # image: ghcr.io/team/app:1.0\n")
	}
	b.WriteString("    build: {context: .}\n")
	found := Dockerfile{}
	if opts.Dockerfile != nil {
		found = *opts.Dockerfile
	}
	b.WriteString(user(found))
	b.WriteString(ingress(found))
	b.WriteString(rest)
	return []byte(b.String())
}

// user writes the numeric user of a Dockerfile, or says why there is none.
func user(d Dockerfile) string {
	uid, numeric := d.UID()
	switch {
	case numeric && uid != 0:
		return fmt.Sprintf("    user: %d                  # from USER\n", uid)
	case d.User != "" && !numeric:
		return fmt.Sprintf("    # The Dockerfile has USER %q; a number is needed here. Without one it is 65532.\n    # user: 1000\n", d.User)
	case numeric:
		return "    # The Dockerfile runs as root, which policy refuses: this runs as 65532.\n    # user: 65532\n"
	}
	return "    # user: 65532               # numeric; this is the default\n"
}

// ingress opens the first port of a Dockerfile.
func ingress(d Dockerfile) string {
	if len(d.Ports) == 0 {
		return "    # Without ingress nothing can connect to the app.\n    # ingress: {port: 8080, public: true}\n    # health: {path: /healthz}\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "    ingress: {port: %d, public: true}   # from EXPOSE\n", d.Ports[0])
	if len(d.Ports) > 1 {
		fmt.Fprintf(&b, "    # An app has one port; EXPOSE also has %s.\n", strings.Trim(fmt.Sprint(d.Ports[1:]), "[]"))
	}
	b.WriteString("    # health: {path: /healthz}    # started once this answers with a status below 400\n")
	return b.String()
}

// rest shows the keys that most experiments come to need.
const rest = `    # cpu: 0.5                    # cores, with 2Gi of memory for each
    # memory: 1Gi
    # env: {LOG_LEVEL: info}      # ${NAME} and ${NAME:-default} come from your environment
    # secrets: {DB_PASSWORD: db-password}
    # egress: [api.github.com]    # everything else outbound is refused
    # scratch: 512Mi              # a writable /tmp; the rest of the file system is read-only

# secrets:
#   db-password: {env: DB_PASSWORD}
`
