package starter

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Image is what a Dockerfile says of the container that will run: its last stage.
type Image struct {
	Port   int    // the first TCP port of EXPOSE; 0: none is told
	User   string // of the last USER; empty: none is told
	Health string // path of the URL that HEALTHCHECK asks for; empty: none is told
}

// ReadDockerfile reads the last stage of a Dockerfile, and what that inherits from
// the stages it is made from.
func ReadDockerfile(r io.Reader) (Image, error) {
	file, err := parser.Parse(r)
	if err != nil {
		return Image{}, fmt.Errorf("read the Dockerfile: %w", err)
	}
	stages := map[string]Image{}
	var at Image
	var stage, variables = "", map[string]string{}
	begun := false
	for _, line := range file.AST.Children {
		words := arguments(line)
		switch strings.ToLower(line.Value) {
		case "from":
			at, stage = begin(words, stages)
			begun = true
		case "arg", "env":
			setVariables(variables, line, words)
		case "expose":
			at.expose(words, variables)
		case "user":
			at.User = replace(first(words), variables)
		case "healthcheck":
			at.Health = healthPath(words, variables)
		}
		stages[stage] = at
	}
	if !begun {
		return Image{}, fmt.Errorf("the Dockerfile has no FROM")
	}
	return at, nil
}

// begin returns the image that a stage starts with, and the stage's name.
func begin(words []string, stages map[string]Image) (Image, string) {
	name := ""
	if len(words) >= 3 && strings.EqualFold(words[1], "as") {
		name = strings.ToLower(words[2])
	}
	return stages[strings.ToLower(first(words))], name
}

func arguments(line *parser.Node) []string {
	var words []string
	for n := line.Next; n != nil; n = n.Next {
		words = append(words, n.Value)
	}
	return words
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// setVariables notes NAME=VALUE of ARG and the three words a variable of ENV.
func setVariables(variables map[string]string, line *parser.Node, words []string) {
	if strings.EqualFold(line.Value, "env") {
		for i := 0; i+1 < len(words); i += 3 { // name, value, separator
			variables[words[i]] = replace(strings.Trim(words[i+1], `"'`), variables)
		}
		return
	}
	for _, w := range words {
		if name, value, ok := strings.Cut(w, "="); ok {
			variables[name] = replace(strings.Trim(value, `"'`), variables)
		}
	}
}

func (i *Image) expose(words []string, variables map[string]string) {
	for _, w := range words {
		port, protocol, _ := strings.Cut(replace(w, variables), "/")
		n, err := strconv.Atoi(port)
		if err == nil && n >= 1 && n <= 65535 && (protocol == "" || strings.EqualFold(protocol, "tcp")) && i.Port == 0 {
			i.Port = n
		}
	}
}

// localURL is the address that a health check asks, as in
// curl -f http://localhost:8080/healthz.
var localURL = regexp.MustCompile(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d+)?(/[^\s"'|;&)]*)`)

func healthPath(words []string, variables map[string]string) string {
	if m := localURL.FindStringSubmatch(replace(strings.Join(words, " "), variables)); m != nil {
		return m[1]
	}
	return ""
}

var variable = regexp.MustCompile(`\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))`)

// replace puts in the values of $NAME, ${NAME} and ${NAME:-default}.
func replace(s string, variables map[string]string) string {
	return variable.ReplaceAllStringFunc(s, func(found string) string {
		m := variable.FindStringSubmatch(found)
		if v := variables[m[1]+m[3]]; v != "" {
			return v
		}
		return m[2]
	})
}
