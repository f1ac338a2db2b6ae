package models

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// The kinds of request; those of calls are their paths at a server.
const (
	kindChat        = "chat/completions"
	kindCompletions = "completions"
	kindEmbeddings  = "embeddings"
	kindResponses   = "responses"
	kindModels      = "models"
)

// operation is what a path asks for.
type operation struct {
	kind       string
	deployment string // in the path; "": the body says
}

// route reads a path.
func route(path string) (operation, error) {
	rest, ok := strings.CutPrefix(path, "/openai/deployments/")
	if ok {
		name, kind, _ := strings.Cut(rest, "/")
		if name != "" && slices.Contains([]string{kindChat, kindCompletions, kindEmbeddings}, kind) {
			return operation{kind: kind, deployment: name}, nil
		}
		return operation{}, notFound(path)
	}
	if path == "/openai/responses" { // with api-version, as Azure had it before v1
		return operation{kind: kindResponses}, nil
	}
	rest, ok = strings.CutPrefix(path, "/openai/v1/")
	if !ok {
		rest, ok = strings.CutPrefix(path, "/v1/")
	}
	if !ok {
		return operation{}, notFound(path)
	}
	switch rest {
	case kindChat, kindCompletions, kindEmbeddings, kindResponses, kindModels:
		return operation{kind: rest}, nil
	}
	if name, ok := strings.CutPrefix(rest, kindModels+"/"); ok && name != "" && !strings.Contains(name, "/") {
		return operation{kind: kindModels, deployment: name}, nil
	}
	return operation{}, notFound(path)
}

// allowed are the models that the gateway says an app may ask for.
func allowed(r *http.Request) map[string]bool {
	may := map[string]bool{}
	for name := range strings.SplitSeq(r.Header.Get(protocol.HeaderModels), ",") {
		if name = strings.TrimSpace(name); name != "" {
			may[name] = true
		}
	}
	return may
}

// listed is a model in a list.
type listed struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, op operation, may map[string]bool) error {
	if r.Method != http.MethodGet {
		return refuse(http.StatusMethodNotAllowed, "method_not_allowed", "%s is no method for %q: use GET", r.Method, r.URL.Path)
	}
	found := []listed{}
	for _, name := range sorted(s.config.Models) {
		if may[name] && (op.deployment == "" || op.deployment == name) {
			found = append(found, listed{ID: name, Object: "model", Created: created, OwnedBy: "envctl"})
		}
	}
	var body any = map[string]any{"object": "list", "data": found}
	if op.deployment != "" {
		if len(found) == 0 {
			return noDeployment(op.deployment)
		}
		body = found[0]
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw) // a client that is gone reads nothing
	return nil
}
