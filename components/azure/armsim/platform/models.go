package platform

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Models answers POST /{subdomain}/openai/deployments/{deployment}/… as an account
// does: 401 PermissionDenied until the role has its effect (fault row 21),
// DeploymentNotFound, and an answer that says it is simulated.
func (s *Server) Models(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 5 || parts[1] != "openai" || parts[2] != "deployments" {
		refuse(w, http.StatusNotFound, "404", "Resource not found")
		return
	}
	if f := s.Faults.Match("Microsoft.CognitiveServices/accounts/deployments", "call", parts[3]); f != nil && f.Status != 0 {
		refuse(w, f.Status, f.Code, f.Message)
		return
	}
	claims, err := s.Login.Signer.Verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), s.Now())
	if err != nil || !strings.Contains(claims.Audience, "cognitiveservices") {
		refuse(w, http.StatusUnauthorized, "401", "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.")
		return
	}
	allowed, deployed := false, false
	err = s.Store.Do(func(st *store.State) error {
		account := bySubdomain(st, parts[0])
		if account == nil {
			return nil
		}
		since, ok := rp.Effective(s.World, st, account.ID, []string{claims.Object}, []string{rp.OpenAIUser, rp.OpenAIContributor})
		allowed = claims.Object == s.World.Caller || ok && !s.Now().Before(since)
		d := st.Get(account.ID + "/deployments/" + parts[3])
		deployed = d != nil && rp.StateOf(d) == rp.Succeeded
		return nil
	})
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, "InternalServerError", err.Error())
	case !allowed:
		refuse(w, http.StatusUnauthorized, "PermissionDenied", "The principal `"+claims.Object+"` lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action` to perform `POST "+r.URL.Path+"` operation.")
	case !deployed:
		refuse(w, http.StatusNotFound, "DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.")
	default:
		complete(w, r, parts)
	}
}

func bySubdomain(st *store.State, name string) *store.Resource {
	for _, a := range st.OfType("Microsoft.CognitiveServices/accounts") {
		p, _ := a.Body["properties"].(rp.Object)
		if sub, _ := p["customSubDomainName"].(string); strings.EqualFold(sub, name) {
			return a
		}
	}
	return nil
}

func complete(w http.ResponseWriter, r *http.Request, parts []string) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var body map[string]any
	if err != nil || json.Unmarshal(raw, &body) != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", "We could not parse the JSON body of your request.")
		return
	}
	usage := map[string]any{"prompt_tokens": len(raw) / 4, "completion_tokens": 4, "total_tokens": len(raw)/4 + 4}
	if parts[4] == "embeddings" {
		answer(w, http.StatusOK, map[string]any{"object": "list", "model": parts[3], "usage": usage, "data": []any{
			map[string]any{"object": "embedding", "index": 0, "embedding": []float64{0.25, -0.5, 0.75}},
		}})
		return
	}
	text := fmt.Sprintf("simulated answer of %s", parts[3])
	answer(w, http.StatusOK, map[string]any{"object": "chat.completion", "model": parts[3], "usage": usage, "choices": []any{
		map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}},
	}})
}
