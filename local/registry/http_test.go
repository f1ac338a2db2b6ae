package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

// A connection that breaks in the middle of a chunk loses nothing that arrived,
// and another process goes on where it broke.
func TestAnUploadGoesOnAfterABrokenConnection(t *testing.T) {
	t.Parallel()
	s := open(t)
	first := serve(t, s, registry.Options{})
	blob := bytes.Repeat([]byte("0123456789"), 1000)
	_, header, _ := first.ask("POST", "/v2/x/app/blobs/uploads/", nil)
	at := header.Get("Location")
	conn, err := net.Dial("tcp", strings.TrimPrefix(first.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nContent-Range: 0-%d\r\n\r\n", at, len(blob), len(blob)-1)
	if _, err := conn.Write(blob[:3333]); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir(), "repositories/x/app/_uploads", filepath.Base(at))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if info, err := os.Stat(path); err == nil && info.Size() == 3333 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the bytes do not arrive")
		}
	}
	_ = conn.Close()
	// The other process waits for the lock of the first, which notices the end.
	again, err := registry.Open(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	second := serve(t, again, registry.Options{})
	status, header, said := second.ask("GET", at, nil)
	if status != http.StatusNoContent || header.Get("Range") != "0-3332" {
		t.Fatalf("%d %v %s", status, header, said)
	}
	if status, header, _ := second.ask("PATCH", at, blob[:100], "Content-Range", "0-99"); status != http.StatusRequestedRangeNotSatisfiable || header.Get("Range") != "0-3332" {
		t.Errorf("a chunk from the beginning: %d %v", status, header)
	}
	if status, _, said := second.ask("PATCH", at, blob[3333:6000], "Content-Range", "3333-5999"); status != http.StatusAccepted {
		t.Fatalf("the next chunk: %d %s", status, said)
	}
	d := digest.FromBytes(blob)
	if status, _, said := second.ask("PUT", at+"?digest="+d.String(), blob[6000:]); status != http.StatusCreated {
		t.Fatalf("the end: %d %s", status, said)
	}
	if _, _, got := first.ask("GET", "/v2/x/app/blobs/"+d.String(), nil); got != string(blob) {
		t.Errorf("%d bytes come back", len(got))
	}
	if status, _, _ := second.ask("GET", at, nil); status != http.StatusNotFound {
		t.Errorf("the upload is still there: %d", status)
	}
}

func TestABodyThatEndsEarlyIsNoBlob(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := serve(t, s, registry.Options{})
	blob := []byte("content")
	r, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/v2/x/app/blobs/uploads/?digest="+digest.FromBytes(blob).String(),
		io.MultiReader(bytes.NewReader(blob[:3]), failing{}))
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.DefaultClient.Do(r); err == nil {
		t.Errorf("%v", answer.Status)
	}
	for deadline := time.Now().Add(10 * time.Second); has(t, s, "tmp/"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left: %v", files(t, s))
		}
	}
	if has(t, s, "blobs/sha256") {
		t.Errorf("left: %v", files(t, s))
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestAuthorizeDecidesAboutEveryRequest(t *testing.T) {
	t.Parallel()
	s := open(t)
	i := newImage(t, "one", nil)
	i.put(t, s, "secret/app", "v1")
	i.put(t, s, "open/app", "v1")
	w := serve(t, s, registry.Options{Authorize: func(r *http.Request, repository string, push bool) error {
		switch {
		case r.Header.Get("Authorization") == "":
			return &registry.Error{Status: 401, Code: "UNAUTHORIZED", Message: "who?", Challenge: `Bearer realm="x"`}
		case repository == "secret/app" || push && repository != "open/new":
			return errors.New("no")
		}
		return nil
	}})
	layer := digest.FromBytes(i.layer).String()
	for _, c := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", "/v2/", "", 401},
		{"GET", "/v2/", "t", 200},
		{"GET", "/v2/open/app/manifests/v1", "", 401},
		{"GET", "/v2/open/app/manifests/v1", "t", 200},
		{"GET", "/v2/secret/app/manifests/v1", "t", 403},
		{"GET", "/v2/secret/app/blobs/" + layer, "t", 403},
		{"DELETE", "/v2/open/app/manifests/v1", "t", 403},
		{"POST", "/v2/open/app/blobs/uploads/", "t", 403},
		// A mount is no way around: from what may not be read, or from anywhere.
		{"POST", "/v2/open/new/blobs/uploads/?mount=" + layer + "&from=secret/app", "t", 202},
		{"POST", "/v2/open/new/blobs/uploads/?mount=" + layer, "t", 202},
		{"POST", "/v2/open/new/blobs/uploads/?mount=" + layer + "&from=open/app", "t", 201},
	} {
		status, header, said := w.ask(c.method, c.path, nil, "Authorization", c.token)
		if status != c.status || status == 401 && header.Get("WWW-Authenticate") != `Bearer realm="x"` {
			t.Errorf("%s %s with %q: %d, expected %d: %s", c.method, c.path, c.token, status, c.status, said)
		}
	}
}

func TestImmutableTagsOverHTTP(t *testing.T) {
	t.Parallel()
	s := open(t)
	one, two := newImage(t, "one", nil), newImage(t, "two", nil)
	one.blobs(t, s, "x/app")
	two.blobs(t, s, "x/app")
	w := serve(t, s, registry.Options{ImmutableTags: true})
	for _, c := range []struct {
		i      image
		status int
	}{{one, 201}, {one, 201}, {two, 409}} {
		status, _, said := w.ask("PUT", "/v2/x/app/manifests/v1", c.i.manifest, "Content-Type", ocispec.MediaTypeImageManifest)
		if status != c.status || status == 409 && !strings.Contains(said, "never moves") {
			t.Errorf("%d %s", status, said)
		}
	}
}

func TestManifestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	w := serve(t, s, registry.Options{})
	i := newImage(t, "one", nil)
	put := func(body []byte, mediaType string) (int, string) {
		status, _, said := w.ask("PUT", "/v2/x/app/manifests/v1", body, "Content-Type", mediaType)
		return status, said
	}
	if status, said := put(i.manifest, ocispec.MediaTypeImageManifest); status != 400 || !strings.Contains(said, "MANIFEST_BLOB_UNKNOWN") {
		t.Errorf("without its blobs: %d %s", status, said)
	}
	i.blobs(t, s, "x/app")
	wrongSize := bytes.Replace(i.manifest, []byte(`"size":`), []byte(`"size":1`), 1)
	for _, c := range []struct {
		name, mediaType string
		body            []byte
	}{
		{"no JSON", ocispec.MediaTypeImageManifest, []byte("{")},
		{"another type", ocispec.MediaTypeImageIndex, i.manifest},
		{"no type", "", []byte(`{"schemaVersion":2}`)},
		{"a type that is none", ";;", i.manifest},
		{"no config", ocispec.MediaTypeImageManifest, []byte(`{"schemaVersion":2}`)},
		{"another size", ocispec.MediaTypeImageManifest, wrongSize},
		{"a digest that is a path", ocispec.MediaTypeImageIndex, []byte(`{"manifests":[{"digest":"sha256:../../../x","size":1}]}`)},
	} {
		if status, said := put(c.body, c.mediaType); status != 400 || !strings.Contains(said, "MANIFEST_INVALID") {
			t.Errorf("%s: %d %s", c.name, status, said)
		}
	}
	if status, _ := put(make([]byte, 5<<20), ocispec.MediaTypeImageManifest); status != 413 {
		t.Errorf("5 MiB: %d", status)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	i := newImage(t, "one", nil)
	for _, tag := range []string{"c", "a", "b"} {
		i.put(t, s, "x/app", tag)
	}
	w := serve(t, s, registry.Options{})
	_, header, said := w.ask("GET", "/v2/x/app/tags/list?n=2", nil)
	if said != `{"name":"x/app","tags":["a","b"]}` || header.Get("Link") != `</v2/x/app/tags/list?last=b&n=2>; rel="next"` {
		t.Errorf("%s %v", said, header)
	}
	_, header, said = w.ask("GET", "/v2/x/app/tags/list?n=2&last=b", nil)
	if said != `{"name":"x/app","tags":["c"]}` || header.Get("Link") != "" {
		t.Errorf("%s %v", said, header)
	}
	if status, _, _ := w.ask("GET", "/v2/x/app/tags/list?n=-1", nil); status != 400 {
		t.Errorf("n=-1: %d", status)
	}
	if status, _, _ := w.ask("GET", "/v2/x/none/tags/list", nil); status != 404 {
		t.Errorf("no repository: %d", status)
	}
	if _, _, said := w.ask("GET", "/v2/_catalog", nil); said != `{"repositories":["x/app"]}` {
		t.Error(said)
	}
}
