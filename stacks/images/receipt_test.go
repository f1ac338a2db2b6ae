package images

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

func receipt(hour int) Receipt {
	return Receipt{
		Experiment: "csv-insights", Instance: "default", At: time.Date(2026, 11, 24, hour, 0, 0, 0, time.UTC),
		Content: fmt.Appendf(nil, `{"hour": %d, "who": "me@here"}`, hour),
	}
}

// without is a registry of before the referrers API.
func without(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/referrers/") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	answer.Header().Del("OCI-Subject")
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	for name, meddle := range map[string]func(http.Handler, http.ResponseWriter, *http.Request){
		"with the referrers API": nil, "without it": without,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSide(t, registry.Options{})
			s.meddle = meddle
			image := s.image("x/app", "v1", random(1, 100)).Digest.String()
			at := s.place("x/app")
			if got, err := receipts(t.Context(), at, image, quick()); len(got) > 0 || err != nil {
				t.Fatalf("before: %v, %v", got, err)
			}
			// Something else refers to the image, too.
			other := []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `","artifactType":"a/b","config":` +
				string(encode(t, describe("a/b", []byte("{}")))) + `,"subject":{"digest":"` + image + `","size":1}}`)
			s.blob("x/app", []byte("{}"))
			if _, err := s.store.PutManifest(t.Context(), "x/app", "other", "", other); err != nil {
				t.Fatal(err)
			}
			for _, hour := range []int{9, 8, 9} { // the last one is there already
				if _, err := putReceipt(t.Context(), at, image, receipt(hour), quick()); err != nil {
					t.Fatal(err)
				}
			}
			got, err := receipts(t.Context(), at, image, quick())
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if !strings.HasPrefix(got[i].Digest, "sha256:") {
					t.Errorf("digest %q", got[i].Digest)
				}
				got[i].Digest = ""
			}
			if d := cmp.Diff([]Receipt{receipt(8), receipt(9)}, got); d != "" {
				t.Error(d)
			}
			if api := meddle == nil; api {
				if tags, err := s.store.Tags("x/app"); len(tags) != 2 || err != nil {
					t.Errorf("tags %v, %v", tags, err)
				}
			}
		})
	}
}

func TestReceiptsThatAreDamagedOrForeign(t *testing.T) {
	t.Parallel()
	s := newSide(t, registry.Options{})
	image := s.image("x/app", "v1", random(1, 100)).Digest.String()
	at := s.place("x/app")
	if _, err := putReceipt(t.Context(), at, "sha256:"+strings.Repeat("0", 64), receipt(1), quick()); err == nil || !strings.Contains(err.Error(), "no image") {
		t.Errorf("of an image that is not there: %v", err)
	}
	if _, err := putReceipt(t.Context(), at, image, Receipt{Content: []byte("{")}, quick()); err == nil || !strings.Contains(err.Error(), "no receipt") {
		t.Errorf("what is no JSON: %v", err)
	}
	if _, err := putReceipt(t.Context(), at, image, receipt(1), quick()); err != nil {
		t.Fatal(err)
	}
	s.meddle = func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if strings.Contains(r.URL.Path, "/blobs/") {
			body = bytes.ReplaceAll(body, []byte("me@here"), []byte("you@out"))
		}
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}
	if got, err := receipts(t.Context(), at, image, quick()); err == nil || !strings.Contains(err.Error(), "another digest") {
		t.Errorf("%v, %v", got, err)
	}
}
