package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Pulumi's own docker plugin makes each thing anew, so nothing may be made ahead of it
// that is to be adopted.
func TestOnlyOurProvidersFindWhatIsMadeAhead(t *testing.T) {
	t.Parallel()
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") }))
	t.Cleanup(engine.Close)
	dir := t.TempDir()
	for providers, ahead := range map[string]bool{"": true, "official": false} {
		l, err := newLocal(t.Context(), Settings{
			Target: targetLocal, Host: strings.Replace(engine.URL, "http", "tcp", 1),
			Getenv: func(name string) string {
				return map[string]string{"ENVCTL_STATE_DIR": dir, "HOME": dir, "ENVCTL_PROVIDERS": providers}[name]
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if (l.target.Ahead != nil) != ahead {
			t.Errorf("with the providers %q: ahead %v, want %v", providers, l.target.Ahead != nil, ahead)
		}
	}
}
