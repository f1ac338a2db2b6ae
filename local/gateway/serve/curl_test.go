package serve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// TestCurlCallsModels holds the two addresses against curl and OpenSSL: the token,
// the authority by its hash in a folder, HTTP/1.1 and HTTP/2, and a stream.
func TestCurlCallsModels(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl here: ", err)
	}
	f, trust := openFront(t), t.TempDir()
	if err := f.ca.Write(trust, protocol.TrustFile); err != nil {
		t.Fatal(err)
	}
	// By its hash alone, as OpenSSL looks in SSL_CERT_DIR.
	if err := os.Remove(filepath.Join(trust, protocol.TrustFile)); err != nil {
		t.Fatal(err)
	}
	f.attach(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, io.MultiReader(strings.NewReader("data: "), r.Body))
	})
	tokens := httptest.NewServer(newIdentity(protocol.Identity{Tenant: testTenant, Clients: []protocol.IdentityClient{
		{App: "api", Host: "127.0.0.1", ClientID: "c", Resources: []string{protocol.Resource}},
	}}, testKey, at{"127.0.0.1": "api"}, f.models.notes))
	defer tokens.Close()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), curl, append([]string{"-sS", "--max-time", "20", "--noproxy", "*"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	answer := run("-H", "X-IDENTITY-HEADER: "+protocol.IdentityHeader(testKey, "api"),
		tokens.URL+identityPath+"?api-version=2019-08-01&resource="+protocol.Resource)
	_, rest, _ := strings.Cut(answer, `"access_token":"`)
	text, _, _ := strings.Cut(rest, `"`)
	if _, err := newIssuer(testKey, testTenant).Verify(text, time.Now()); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	for _, version := range []string{"--http1.1", "--http2"} {
		got := run(version, "--capath", trust, "--connect-to", modelsHost+":443:"+f.addr, "-H", "Authorization: Bearer "+text,
			"-d", `{"stream":true}`, "-w", " %{http_code} %{http_version}", chatURL)
		want := `data: {"stream":true} 200 ` + strings.TrimSuffix(strings.TrimPrefix(version, "--http"), ".0")
		if got != want {
			t.Errorf("%s: %q, expected %q", version, got, want)
		}
	}
}
