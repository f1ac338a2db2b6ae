package starter

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Dockerfile is what the last stage of a Dockerfile says of a container that a
// definition has a key for.
type Dockerfile struct {
	Ports []int  // EXPOSE, TCP only, in order; more than the first are for the reader of the file
	User  string // USER, as it is written; empty: none
}

// UID is the numeric user of USER uid or uid:gid; false for a name, which only
// the image can tell, and for none.
func (d Dockerfile) UID() (uid int64, ok bool) {
	name, _, _ := strings.Cut(d.User, ":")
	uid, err := strconv.ParseInt(name, 10, 64)
	return uid, err == nil && uid >= 0 && uid <= 1<<31-1
}

// ParseDockerfile reads a Dockerfile. Variables in EXPOSE and USER are replaced
// from ENV and from the defaults of ARG; a port that is none then is left out.
func ParseDockerfile(r io.Reader) (Dockerfile, error) {
	result, err := parser.Parse(r)
	if err != nil {
		return Dockerfile{}, fmt.Errorf("read the Dockerfile: %w", err)
	}
	b := builder{lex: shell.NewLex(result.EscapeToken), stages: map[string]stage{}, global: map[string]string{}}
	for _, instruction := range result.AST.Children {
		b.instruction(instruction)
	}
	return b.current.Dockerfile, nil
}

// stage is one stage while it is read.
type stage struct {
	Dockerfile
	env map[string]string
}

type builder struct {
	lex     *shell.Lex
	global  map[string]string // ARG before the first FROM
	stages  map[string]stage  // by alias, lower case
	current stage
	index   int // of the current stage, from 1; 0: before the first FROM
	alias   string
}

func (b *builder) instruction(n *parser.Node) {
	words := arguments(n)
	switch strings.ToLower(n.Value) {
	case "from":
		b.from(words)
	case "arg":
		for _, word := range words {
			b.arg(word)
		}
	case "env":
		for i := 0; i+1 < len(words); i += 3 { // name, value, separator
			if value, ok := b.expand(words[i+1]); ok {
				b.current.env[words[i]] = value
			}
		}
	case "expose":
		for _, word := range words {
			b.expose(word)
		}
	case "user":
		if len(words) > 0 {
			b.current.User, _ = b.expand(words[0])
		}
	}
}

func arguments(n *parser.Node) []string {
	var out []string
	for next := n.Next; next != nil; next = next.Next {
		out = append(out, next.Value)
	}
	return out
}

// from begins a stage, with what the stage it builds on has.
func (b *builder) from(words []string) {
	b.finish()
	b.index++
	b.current, b.alias = stage{env: map[string]string{}}, ""
	if len(words) == 0 {
		return
	}
	if base, ok := b.stages[strings.ToLower(words[0])]; ok {
		b.current.Dockerfile = Dockerfile{Ports: append([]int(nil), base.Ports...), User: base.User}
		for name, value := range base.env {
			b.current.env[name] = value
		}
	}
	if len(words) == 3 && strings.EqualFold(words[1], "as") {
		b.alias = strings.ToLower(words[2])
	}
}

// finish keeps the current stage for later ones that build on it.
func (b *builder) finish() {
	if b.index == 0 {
		return
	}
	b.stages[strconv.Itoa(b.index-1)] = b.current
	if b.alias != "" {
		b.stages[b.alias] = b.current
	}
}

// arg gives a variable its default; a value that ENV set stays.
func (b *builder) arg(word string) {
	name, fallback, hasFallback := strings.Cut(word, "=")
	value, ok := "", false
	if hasFallback {
		value, ok = b.expand(fallback)
	} else {
		value, ok = b.global[name]
	}
	if !ok {
		return
	}
	if b.index == 0 {
		b.global[name] = value
		return
	}
	if _, set := b.current.env[name]; !set {
		b.current.env[name] = value
	}
}

// expose reads a port, a port/tcp or a range low-high, of which it takes the lowest.
func (b *builder) expose(word string) {
	text, ok := b.expand(word)
	if !ok {
		return
	}
	number, protocol, _ := strings.Cut(text, "/")
	number, _, _ = strings.Cut(number, "-")
	port, err := strconv.Atoi(number)
	if err == nil && port >= 1 && port <= 65535 && (protocol == "" || strings.EqualFold(protocol, "tcp")) {
		b.current.Ports = append(b.current.Ports, port)
	}
}

// expand replaces variables, one without a value by nothing as a build does;
// false for what is no word.
func (b *builder) expand(word string) (string, bool) {
	known := b.current.env
	if b.index == 0 {
		known = b.global
	}
	var env []string
	for name, value := range known {
		env = append(env, name+"="+value)
	}
	text, _, err := b.lex.ProcessWord(word, shell.EnvsFromSlice(env))
	return text, err == nil
}
