package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	testKey    = "0123456789abcdef0123456789abcdef"
	testTenant = "11111111-2222-8333-8444-555555555555"
)

// at is a knower with a fixed list.
type at map[string]string

func (a at) of(_ context.Context, addr netip.Addr) (string, bool) {
	app, ok := a[addr.Unmap().String()]
	return app, ok
}

func identityConfig() protocol.Identity {
	return protocol.Identity{Listen: 4141, Tenant: testTenant, Clients: []protocol.IdentityClient{
		{App: "api", Host: "10.0.0.2", ClientID: protocol.ClientID("exp.default", "api"), Resources: []string{protocol.Resource, "https://ai.azure.com/"}},
		{App: "web", Host: "10.0.0.3", ClientID: protocol.ClientID("exp.default", "web")},
	}}
}

func testIdentity(events *lines) *identity {
	peers := at{"10.0.0.2": "api", "10.0.0.3": "web", "10.0.0.4": "job"}
	return newIdentity(identityConfig(), testKey, peers, newNotes(newEmitter(events)))
}

// ask makes one request as a workload at an address.
func ask(i http.Handler, method, target, peer, header string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = peer + ":40000"
	if header != "" {
		r.Header.Set("X-IDENTITY-HEADER", header)
	}
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w
}

const tokenFor = identityPath + "?api-version=2019-08-01&resource="

func TestIdentityAnswersAsContainerApps(t *testing.T) {
	t.Parallel()
	events := &lines{}
	i := testIdentity(events)
	before := time.Now().Unix()
	w := ask(i, "GET", tokenFor+protocol.Resource+"/.default", "10.0.0.2", protocol.IdentityHeader(testKey, "api"))
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	expires, err := strconv.ParseInt(got["expires_on"], 10, 64)
	if err != nil || expires < before+3600 || expires > before+3700 {
		t.Errorf("expires_on %q, expected an hour from %d on", got["expires_on"], before)
	}
	clientID := identityConfig().Clients[0].ClientID
	if got["resource"] != protocol.Resource || got["token_type"] != "Bearer" || got["client_id"] != clientID || len(got) != 5 {
		t.Errorf("answer %v", got)
	}
	claims, err := newIssuer(testKey, testTenant).Verify(got["access_token"], time.Now())
	if err != nil || claims.App() != "api" || claims.Audience != protocol.Resource || claims.ClientID != clientID {
		t.Errorf("token %+v, %v", claims, err)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("a token may be kept by a cache")
	}
	if want := `"event":"identity","app":"api","reason":"Cognitive Services OpenAI User","count":1,"resource":"https://cognitiveservices.azure.com","allowed":true`; !strings.Contains(events.String(), want) {
		t.Errorf("events %s, expected %s", events, want)
	}
	if strings.Contains(events.String(), got["access_token"]) {
		t.Error("the token is in the events")
	}
}

func TestIdentityRefuses(t *testing.T) {
	t.Parallel()
	api, web := protocol.IdentityHeader(testKey, "api"), protocol.IdentityHeader(testKey, "web")
	good, other := tokenFor+protocol.Resource, identityConfig().Clients[1].ClientID
	own := identityConfig().Clients[0].ClientID
	cases := map[string]struct {
		method, target, peer, header string
		status                       int
		text                         string
	}{
		"no header":              {"GET", good, "10.0.0.2", "", 403, "not that of the workload"},
		"wrong header":           {"GET", good, "10.0.0.2", api[:31] + "x", 403, "not that of the workload"},
		"longer header":          {"GET", good, "10.0.0.2", api + "a", 403, "not that of the workload"},
		"another's header":       {"GET", good, "10.0.0.2", web, 403, "not that of the workload"},
		"from another's address": {"GET", good, "10.0.0.3", api, 403, "not that of the workload"},
		"no identity":            {"GET", good, "10.0.0.4", api, 403, "not that of a workload with"},
		"a stranger":             {"GET", good, "10.0.0.9", api, 403, "not that of a workload with"},
		"nothing given":          {"GET", good, "10.0.0.3", web, 400, "Cognitive Services OpenAI User"},
		"vault":                  {"GET", tokenFor + "https://vault.azure.net", "10.0.0.2", api, 400, "Key Vault Secrets User"},
		"storage account":        {"GET", tokenFor + "https://acc.blob.core.windows.net/", "10.0.0.2", api, 400, "Storage Blob Data Reader"},
		"unknown":                {"GET", tokenFor + "api://mine", "10.0.0.2", api, 400, "would need a role there"},
		"no resource":            {"GET", identityPath + "?api-version=2019-08-01", "10.0.0.2", api, 400, "resource is missing"},
		"no version":             {"GET", identityPath + "?resource=" + protocol.Resource, "10.0.0.2", api, 400, "api-version"},
		"another identity":       {"GET", good + "&client_id=" + other, "10.0.0.2", api, 400, "No User Assigned"},
		"another principal":      {"GET", good + "&principal_id=" + own, "10.0.0.2", api, 400, "No User Assigned"},
		"another path":           {"GET", "/metadata/identity", "10.0.0.2", api, 404, identityPath},
		"POST":                   {"POST", good, "10.0.0.2", api, 405, "GET"},
		"escape sequences":       {"GET", tokenFor + "%1b[2J%0a", "10.0.0.2", api, 400, "would need a role"},
		"own client id":          {"GET", good + "&client_id=" + strings.ToUpper(own), "10.0.0.2", api, 200, "access_token"},
		"own principal":          {"GET", good + "&object_id=" + protocol.PrincipalID(own), "10.0.0.2", api, 200, "access_token"},
		"own resource id":        {"GET", good + "&mi_res_id=/envctl/workloads/api", "10.0.0.2", api, 200, "access_token"},
		"the newer audience":     {"GET", tokenFor + "https://ai.azure.com", "10.0.0.2", api, 200, "access_token"},
		"IPv4 in IPv6":           {"GET", good, "[::ffff:10.0.0.2]", api, 200, "access_token"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := &lines{}
			w := ask(testIdentity(events), test.method, test.target, test.peer, test.header)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("%d %s, expected %d with %q", w.Code, w.Body, test.status, test.text)
			}
			told := strings.Contains(events.String(), `"event":"identity"`)
			if told != (test.status != 404 && test.status != 405) || strings.ContainsAny(events.String(), "\x1b") {
				t.Errorf("events %q", events)
			}
		})
	}
}

func TestManyRefusalsAreFewEvents(t *testing.T) {
	t.Parallel()
	events := &lines{}
	i := testIdentity(events)
	api := protocol.IdentityHeader(testKey, "api")
	for n := range 5000 {
		ask(i, "GET", tokenFor+"https://x"+strconv.Itoa(n%1000), "10.0.0.2", api)
	}
	i.notes.tell()
	if got := strings.Count(events.String(), "\n"); got > 2*maxNotes+2 || len(i.notes.held) > maxNotes+1 {
		t.Errorf("%d lines and %d held from 5000 requests, expected some %d", got, len(i.notes.held), 2*maxNotes)
	}
	total := 0
	reader := protocol.NewReader(strings.NewReader(events.String()))
	for {
		e, err := reader.Next()
		if err != nil {
			break
		}
		total += e.Count
	}
	if total != 5000 {
		t.Errorf("%d requests are told of, expected 5000", total)
	}
	i.notes.tell()
	if len(i.notes.held) != 0 {
		t.Errorf("%d held without need", len(i.notes.held))
	}
}
