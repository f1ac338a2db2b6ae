package azure_test

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// TestTheUserOfAnImage: Container Apps run an image as its own user, so one that
// is not the definition's is refused before anything is made.
func TestTheUserOfAnImage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for user, refused := range map[string]string{
		"65532": "", "nonroot": "", "65532:65532": "", "": "which is root and not 65532", "1000": "which is 1000 and not 65532",
	} {
		file, err := empty.Image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		file = file.DeepCopy()
		file.Config.User = user
		image, err := mutate.ConfigFile(empty.Image, file)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := name.NewTag(host + "/team/app:1")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(tag, image); err != nil {
			t.Fatal(err)
		}
		sum, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		a, c, _ := newTarget()
		def := define()
		def.Jobs = nil
		app := def.Apps["api"]
		app.Image = host + "/team/app@" + sum.String()
		def.Apps = map[string]definition.App{"api": app}
		images, err := prepare(t, a, def)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.New(def, plan.Options{Instance: "default", Target: plan.Azure, Images: images})
		if err != nil {
			t.Fatal(err)
		}
		c.Has(sub, `{"state":"Enabled"}`)
		_, err = a.Component(t.Context(), p, false)
		switch {
		case refused == "" && err != nil:
			t.Errorf("user %q: %v", user, err)
		case refused != "" && (err == nil || !strings.Contains(err.Error(), refused)):
			t.Errorf("user %q: %v, want %q", user, err, refused)
		}
		if _, err := a.Component(t.Context(), p, true); err != nil {
			t.Errorf("user %q: a preview asks: %v", user, err)
		}
	}
}
