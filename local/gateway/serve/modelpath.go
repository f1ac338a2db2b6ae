package serve

import (
	"path"
	"strings"
)

// modelPath is what a request for a model is about.
type modelPath struct {
	// Deployment is the name in /openai/deployments/{name}/…; empty: the body says.
	Deployment string
}

// readModelPath reads the decoded path of a request. It knows the roots that
// clients of OpenAI and of Azure use, and nothing that is spelled in another way
// than it will be read on the host's side.
func readModelPath(decoded, escaped string) (modelPath, bool) {
	if decoded == "" || len(decoded) > 1024 || decoded != escaped || path.Clean(decoded) != strings.TrimSuffix(decoded, "/") ||
		strings.ContainsFunc(decoded, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return modelPath{}, false
	}
	if rest, ok := strings.CutPrefix(decoded, "/openai/deployments/"); ok {
		name, operation, _ := strings.Cut(rest, "/")
		if name == "" || strings.Trim(operation, "/") == "" {
			return modelPath{}, false
		}
		return modelPath{Deployment: name}, true
	}
	for _, root := range []string{"/openai/", "/v1/"} {
		rest, ok := strings.CutPrefix(decoded, root)
		if ok && root == "/openai/" {
			rest = strings.TrimPrefix(rest, "v1/")
		}
		if ok && rest != "" && rest != "v1" && rest != "deployments" {
			return modelPath{}, true
		}
	}
	return modelPath{}, false
}
