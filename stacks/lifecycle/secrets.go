package lifecycle

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
)

// maxSecretFile bounds a secret's file in bytes; an environment variable cannot
// be longer on Linux (MAX_ARG_STRLEN).
const maxSecretFile = 128 << 10

// SecretSources reads the values of the secrets of a definition. The end of the
// line of a file is not part of the value.
func SecretSources(def *definition.Definition, getenv func(string) string) (map[string]components.SecretSource, error) {
	out := map[string]components.SecretSource{}
	for _, name := range slices.Sorted(maps.Keys(def.Secrets)) {
		s := def.Secrets[name]
		switch {
		case s.Generate > 0:
			out[name] = components.SecretSource{Generate: s.Generate}
		case s.Env != "":
			value := getenv(s.Env)
			if value == "" {
				return nil, &SecretError{Name: name, Problem: fmt.Sprintf("the variable %q is empty or not set", s.Env),
					Mend: fmt.Sprintf("set it: %s=… envctl up", s.Env)}
			}
			out[name] = components.SecretSource{Value: value}
		default:
			value, err := readSecret(filepath.Join(def.Dir, s.File))
			if err != nil {
				return nil, &SecretError{Name: name, Problem: err.Error(), Mend: "put the value into that file, alone on its line"}
			}
			out[name] = components.SecretSource{Value: value}
		}
	}
	return out, nil
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s has %d bytes, at most %d can be given to a program", path, info.Size(), maxSecretFile)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(raw), "\r\n")
	if value == "" || strings.ContainsRune(value, 0) {
		return "", fmt.Errorf("%s is empty or holds a zero byte", path)
	}
	return value, nil
}

// SecretError is a secret without a value.
type SecretError struct{ Name, Problem, Mend string }

func (e *SecretError) Error() string {
	return fmt.Sprintf("secret %q has no value: %s", e.Name, e.Problem)
}

// Hint says how to mend it.
func (e *SecretError) Hint() string { return e.Mend }

// Path is the place in the definition.
func (e *SecretError) Path() string { return "secrets." + e.Name }

// ExitStatus is that of a wrong definition or command line.
func (*SecretError) ExitStatus() int { return 2 }
