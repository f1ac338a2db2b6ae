package serve

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/gateway/token"
)

// modelAudiences are what a token for models may be for: the older and the newer
// name of the service.
func modelAudiences() []string { return []string{protocol.Resource, "https://ai.azure.com"} }

// authenticate returns whose request it is. It comes with a token that the gateway
// has issued, for models, to the workload at the request's address.
func (m *models) authenticate(r *http.Request) (protocol.ModelsClient, *refusedModel) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return protocol.ModelsClient{}, stranger()
	}
	app, known := m.peers.of(r.Context(), peer.Addr())
	if !known {
		return protocol.ModelsClient{}, stranger()
	}
	client, has := m.clients[app]
	if !has {
		client.App = app
	}
	kind, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		if r.Header.Get("Api-Key") != "" || r.Header.Get("Ocp-Apim-Subscription-Key") != "" {
			return client, keysAreOff()
		}
		return client, unauthorized("no token was shown")
	}
	claims, err := m.issuer.Verify(strings.TrimSpace(text), m.now())
	switch {
	case errors.Is(err, token.ErrExpired):
		return client, unauthorized("the token has expired")
	case err != nil:
		return client, unauthorized("the token is not one of this sandbox")
	case !forModels(claims.Audience):
		return client, unauthorized("the token is for another audience than models")
	case claims.App() != app:
		return client, elsewhere()
	case !has:
		return client, notPermitted(claims.Principal, r.Method, r.URL.Path)
	}
	return client, nil
}

func forModels(resource string) bool {
	for _, a := range modelAudiences() {
		if a == resource {
			return true
		}
	}
	return false
}
