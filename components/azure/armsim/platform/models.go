package platform

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// call is a request for a model.
type call struct {
	account    string // subdomain
	deployment string
	operation  string // chat/completions, embeddings
	body       []byte
}

// readCall reads POST https://SUBDOMAIN.DOMAIN/openai/deployments/{deployment}/… and
// /openai/v1/…, whose body names the deployment.
func readCall(r *http.Request) (call, bool) {
	host, _, _ := strings.Cut(strings.ToLower(r.Host), ":")
	account, ours := strings.CutSuffix(host, "."+run.AccountDomain)
	c := call{account: account}
	var err error
	if c.body, err = io.ReadAll(io.LimitReader(r.Body, maxCall)); err != nil || !ours {
		return call{}, false
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/openai/deployments/"); ok {
		c.deployment, c.operation, ok = strings.Cut(rest, "/")
		return c, ok
	}
	var named struct{ Model string }
	_ = json.Unmarshal(c.body, &named) // what is no JSON names none
	c.deployment = named.Model
	var ok bool
	c.operation, ok = strings.CutPrefix(r.URL.Path, "/openai/v1/")
	return c, ok && c.operation != ""
}

// maxCall is how much of a request is read.
const maxCall = 1 << 20

// Models answers as an account does: 401 PermissionDenied until the role has its
// effect (fault row 21), DeploymentNotFound, and an answer that says it is simulated.
func (s *Server) Models(w http.ResponseWriter, r *http.Request) {
	c, ok := readCall(r)
	if !ok {
		refuse(w, http.StatusNotFound, "404", "Resource not found")
		return
	}
	if f := s.Faults.Match("Microsoft.CognitiveServices/accounts/deployments", "call", c.deployment); f != nil && f.Status != 0 {
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
		account := bySubdomain(st, c.account)
		if account == nil {
			return nil
		}
		since, ok := rp.Effective(s.World, st, account.ID, []string{claims.Object}, []string{rp.OpenAIUser, rp.OpenAIContributor})
		allowed = claims.Object == s.World.Caller || ok && !s.Now().Before(since)
		d := st.Get(account.ID + "/deployments/" + c.deployment)
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
		complete(w, c)
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

func complete(w http.ResponseWriter, c call) {
	if body := map[string]any{}; json.Unmarshal(c.body, &body) != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", "We could not parse the JSON body of your request.")
		return
	}
	usage := map[string]any{"prompt_tokens": len(c.body) / 4, "completion_tokens": 4, "total_tokens": len(c.body)/4 + 4}
	if c.operation == "embeddings" {
		answer(w, http.StatusOK, map[string]any{"object": "list", "model": c.deployment, "usage": usage, "data": []any{
			map[string]any{"object": "embedding", "index": 0, "embedding": []float64{0.25, -0.5, 0.75}},
		}})
		return
	}
	text := fmt.Sprintf("simulated answer of %s", c.deployment)
	answer(w, http.StatusOK, map[string]any{"object": "chat.completion", "model": c.deployment, "usage": usage, "choices": []any{
		map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}},
	}})
}
