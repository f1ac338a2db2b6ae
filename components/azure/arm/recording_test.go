package arm_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/arm/replay"
)

// TestARecordingOfAFailureBecomesATest records a failing command, holds that no
// secret is in the file, and plays it: the same error comes out, without a server.
func TestARecordingOfAFailureBecomesATest(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", app, a.with(201, `{"properties":{"configuration":{"secrets":[{"name":"pw","value":"app-secret-value"}]}}}`,
		"Azure-AsyncOperation", "AT/op?t=638&c=certificate&s=signature-1", "Set-Cookie", "session=abcdefgh"))
	a.on("GET", "/op", inTurn(always(200, `{"status":"InProgress"}`),
		always(200, `{"status":"Failed","error":{"code":"ContainerAppOperationError","message":"no image"}}`)))
	a.on("POST", group+"/sharedKeys", always(200, `{"primarySharedKey":"c2hhcmVkLWtleQ==","n":1}`))
	dir := filepath.Join(t.TempDir(), "recordings")
	c, _ := a.connect(t, func(o *arm.Options) { o.Record = dir })
	_, failed := c.Put(t.Context(), app, "2024-03-01", arm.Object{"properties": arm.Object{"template": arm.Object{"containers": []any{
		arm.Object{"env": []any{arm.Object{"name": "PASSWORD", "value": "env-secret-value"}, arm.Object{"name": "N", "secretRef": "pw"}}}}}}})
	contains(t, failed, "ContainerAppOperationError", "no image")
	if _, err := c.Post(t.Context(), group+"/sharedKeys", "2020-08-01", nil); err != nil {
		t.Fatal(err)
	}
	resp, err := c.HTTPClient().Get(a.URL + "/open/none")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	raw, err := os.ReadFile(c.Recording())
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"the-client-secret", "app-secret-value", "env-secret-value", "c2hhcmVkLWtleQ", "signature-1", "abcdefgh",
		accessToken(1), "eyJ"} {
		if strings.Contains(string(raw), never) {
			t.Errorf("the recording has %q:\n%s", never, raw)
		}
	}
	for _, want := range []string{`"secretRef":"pw"`, `"ContainerAppOperationError"`, subscription, `"/open/none`, `"streamed":true`} {
		if !strings.Contains(string(raw), strings.Replace(want, `"/open`, a.URL+`/open`, 1)) {
			t.Errorf("the recording does not have %s:\n%s", want, raw)
		}
	}
	info, err := os.Stat(c.Recording())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the recording can be read by others: %v, %v", info.Mode(), err)
	}

	a.Close()
	player, err := replay.Open(c.Recording())
	if err != nil {
		t.Fatal(err)
	}
	again, err := arm.Connect(t.Context(), arm.Options{
		Getenv:    func(name string) string { return map[string]string{"ENVCTL_AZURE_RESOURCE_MANAGER": a.URL}[name] },
		Transport: player, Credential: player.Credential(), Now: player.Now, Sleep: player.Sleep, Subscription: subscription,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Put(t.Context(), app, "2024-03-01", arm.Object{}); err == nil || err.Error() != failed.Error() {
		t.Errorf("played:\n%v\nrecorded:\n%v", err, failed)
	}
	if left := player.Left(); len(left) != 4 || !strings.Contains(left[2], "/sharedKeys") { // and Entra's two, before
		t.Errorf("left %q", left)
	}
	_, err = again.Put(t.Context(), app, "2024-03-01", arm.Object{})
	contains(t, err, "the recording has 1 exchanges of PUT", "record the command again")
}

func TestARecordingThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := newAzure(t)
	err := a.use(t, map[string]string{"ARM_CLIENT_SECRET": "s"}, func(o *arm.Options) { o.Record = filepath.Join(file, "x") })
	contains(t, err, "cannot be recorded", file, "name a folder that can be written")
}

var _ http.RoundTripper = (*replay.Player)(nil)
