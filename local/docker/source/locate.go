package source

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// BuildKit names a step "[PLATFORM STAGE N/M] INSTRUCTION …"; platform and stage
// may be missing. Only steps that make a layer are counted, and the FROM of a
// stage that starts from another image is the first.
var (
	stepName  = regexp.MustCompile(`^\[(?:(?:\S+ )?(\S+) )?(\d+)/(\d+)\] (\S+)`)
	metadata  = regexp.MustCompile(`^\[internal\] load metadata for (\S+)`)
	parseLine = regexp.MustCompile(`(?i)dockerfile(?: parse error)?[^\n]*? line (\d+)`)
)

// stage is one FROM of a Dockerfile.
type stage struct {
	name, base string
	fromLine   int
	layers     []*parser.Node // ADD, COPY, RUN, WORKDIR
}

// Locate finds the Dockerfile's line that a BuildKit step, or a message about
// the Dockerfile itself, is about; 0 when it cannot tell.
func Locate(dockerfile []byte, step, message string) int {
	if m := parseLine.FindStringSubmatch(message); m != nil {
		line, _ := strconv.Atoi(m[1]) // the pattern allows digits only
		return line
	}
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		return 0
	}
	stages := readStages(parsed.AST)
	if m := metadata.FindStringSubmatch(step); m != nil {
		return locateBase(stages, m[1])
	}
	m := stepName.FindStringSubmatch(step)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[2]) // digits only
	total, _ := strconv.Atoi(m[3])
	for i, s := range stages {
		if m[1] == "" && len(stages) > 1 || m[1] != "" && m[1] != s.name && m[1] != fmt.Sprintf("stage-%d", i) {
			continue
		}
		return s.line(n, total, m[4])
	}
	return 0
}

func (s stage) line(n, total int, instruction string) int {
	if strings.EqualFold(instruction, "FROM") {
		return s.fromLine
	}
	i := n - 1 - (total - len(s.layers))
	if i < 0 || i >= len(s.layers) || !strings.EqualFold(s.layers[i].Value, instruction) {
		return 0 // triggers of the base image shift the count
	}
	return s.layers[i].StartLine
}

// locateBase finds the FROM of an image; BuildKit writes its name in full.
func locateBase(stages []stage, ref string) int {
	short := strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "library/")
	for _, s := range stages {
		if s.base == ref || s.base == short || s.base+":latest" == short || "library/"+s.base == strings.TrimPrefix(ref, "docker.io/") {
			return s.fromLine
		}
	}
	return 0
}

func readStages(ast *parser.Node) []stage {
	var stages []stage
	for _, node := range ast.Children {
		switch strings.ToUpper(node.Value) {
		case "FROM":
			s := stage{fromLine: node.StartLine}
			if node.Next != nil {
				s.base = node.Next.Value
				if as := node.Next.Next; as != nil && strings.EqualFold(as.Value, "as") && as.Next != nil {
					s.name = strings.ToLower(as.Next.Value)
				}
			}
			stages = append(stages, s)
		case "ADD", "COPY", "RUN", "WORKDIR":
			if len(stages) > 0 {
				last := &stages[len(stages)-1]
				last.layers = append(last.layers, node)
			}
		}
	}
	return stages
}
