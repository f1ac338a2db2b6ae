package packages

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/envctl/envctl/components/lazyregexp"
)

// Metadata is what a script says of itself by PEP 723 (inline script metadata).
type Metadata struct {
	RequiresPython string   `toml:"requires-python"`
	Dependencies   []string `toml:"dependencies"`
}

// block matches one block of metadata, as the specification has it: it begins with
// "# /// TYPE", each line of it is "#" alone or begins with "# ", and the last
// "# ///" of these ends it.
var block = lazyregexp.New(`(?m)^# /// ([a-zA-Z0-9-]+)$\s((?:^#(?:| .*)$\s)+)^# ///$`)

// Inline reads the metadata of a script; false: it has none.
func Inline(name string, script []byte) (Metadata, bool, error) {
	text := strings.ReplaceAll(string(script), "\r\n", "\n")
	var content string
	found := 0
	for _, m := range block().FindAllStringSubmatch(text, -1) {
		if m[1] == "script" {
			content = m[2]
			found++
		}
	}
	switch found {
	case 0:
		return Metadata{}, false, nil
	case 1:
	default:
		return Metadata{}, false, &Error{name, fmt.Sprintf("there are %d blocks \"# /// script\"", found), "leave one"}
	}
	var b strings.Builder
	for line := range strings.Lines(content) {
		line = strings.TrimPrefix(line, "#")
		b.WriteString(strings.TrimPrefix(line, " "))
	}
	var m Metadata
	if _, err := toml.Decode(b.String(), &m); err != nil {
		return Metadata{}, false, &Error{name, fmt.Sprintf("the block \"# /// script\" is no TOML: %v", err),
			`write it as in: # dependencies = ["pandas>=2"]`}
	}
	for i, d := range m.Dependencies {
		req, err := Requirement(d)
		if err != nil {
			return Metadata{}, false, &Error{name, "dependencies: " + err.Error(), `name packages, as in "pandas>=2"`}
		}
		m.Dependencies[i] = req
	}
	return m, true, nil
}

// requirement is the part of a requirement by PEP 508 that is let through: a name,
// extras, versions and a marker. It has no URL, no file and no option.
var requirement = lazyregexp.New(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?` +
	`\s*(?:\[[A-Za-z0-9._, -]*\])?` +
	`\s*(?:\(?\s*(?:~=|===?|!=|<=?|>=?)[^;@#\r\n]*\)?)?` +
	`\s*(?:;[^\r\n#]*)?$`)

// Requirement returns one package as pip writes it, or an error where it is none.
// Addresses, files and options are refused: with them, what is installed would not
// come from the index, or be built here. So is what pip's list of requirements would
// read as more than the text: it ends lines at any sign that Unicode takes for a
// break, joins them at a backslash, has options after a marker too, and puts
// variables in.
func Requirement(text string) (string, error) {
	text = strings.TrimSpace(text)
	if !requirement().MatchString(text) || !oneLine(text) || strings.Contains(strings.ReplaceAll(text, "\t", " "), " -") {
		return "", fmt.Errorf("%q is no package with versions, as pandas==2.2 is; addresses, files and options are not taken", text)
	}
	return text, nil
}

// oneLine says that pip reads a requirement as it stands here.
func oneLine(text string) bool {
	return !strings.Contains(text, "${") && !strings.ContainsFunc(text, func(r rune) bool {
		return r == '\\' || r != '\t' && r < ' ' || r > '~'
	})
}

// RequirementsFile reads a requirements.txt: packages, comments and line
// continuations. Hashes are left out, for the lock has its own.
func RequirementsFile(name string, data []byte) ([]string, error) {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	text = strings.ReplaceAll(text, "\\\n", " ")
	var out []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(" "+strings.TrimSpace(line), " #")
		if at := strings.Index(line, " --hash="); at >= 0 {
			line = line[:at]
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		req, err := Requirement(line)
		if err != nil {
			return nil, &Error{name, fmt.Sprintf("package %d: %v", number, err), "name packages of the index only; give other indexes by ENVCTL_PYPI_INDEX"}
		}
		out = append(out, req)
	}
	return out, nil
}

// npmPackage is a name of npm with a version or a range, and no address.
var npmPackage = lazyregexp.New(`^(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*(@[A-Za-z0-9.^~<>=|*+ -]+)?$`)

// NPMPackage returns one package as npm writes it, or an error where it is none.
func NPMPackage(text string) (string, error) {
	text = strings.TrimSpace(text)
	if !npmPackage().MatchString(text) || strings.HasPrefix(text, "-") {
		return "", fmt.Errorf("%q is no package with a version, as lodash@4.17.21 is; addresses and files are not taken", text)
	}
	return text, nil
}
