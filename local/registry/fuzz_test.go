package registry

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRoute holds that what a path means never leads out of the store's folder, and
// that no request makes a handler fail of itself.
func FuzzRoute(f *testing.F) {
	for _, path := range []string{
		"/v2/", "/v2", "/v2/_catalog", "/v2/a/tags/list", "/v2/a/b/blobs/uploads/", "/v2/a/blobs/uploads/0123",
		"/v2/a/manifests/latest", "/v2/a/blobs/sha256:" + strings.Repeat("0", 64), "/v2/a/referrers/sha512:" + strings.Repeat("0", 128),
		"/v2/../../blobs/x", "/v2/blobs/blobs/blobs", "/v2//manifests/", "/v2/a/manifests/../../x",
	} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			f.Add(method, path, "0-1")
		}
	}
	dir := f.TempDir()
	store, err := Open(filepath.Join(dir, "in"))
	if err != nil {
		f.Fatal(err)
	}
	handler := store.Handler(Options{})
	f.Fuzz(func(t *testing.T, method, path, contentRange string) {
		if at, ok := parseRoute(path); ok && at.repository != "" && checkName(at.repository) == nil {
			for _, p := range []string{store.repositoryPath(at.repository), store.tagPath(at.repository, "x")} {
				if !strings.HasPrefix(p, store.dir+string(filepath.Separator)+"repositories"+string(filepath.Separator)) {
					t.Fatalf("%q leads to %q", path, p)
				}
			}
		}
		request, err := http.NewRequest(method, "http://localhost/", strings.NewReader("{}"))
		if err != nil || request.URL == nil {
			return
		}
		request.URL.Path = path
		request.Header.Set("Content-Range", contentRange)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code >= 500 {
			t.Fatalf("%s %q: %d %s", method, path, answer.Code, answer.Body)
		}
		outside, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(outside) > 1 {
			t.Fatalf("%s %q made %v", method, path, outside)
		}
	})
}

func FuzzChunk(f *testing.F) {
	for _, s := range []string{"0-0", "5-9", "bytes 0-4/5", "9-5", "-", "0--1", "18446744073709551615-18446744073709551616", "+1-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, last, err := parseChunk(s)
		if err == nil && (first < 0 || last < first || last-first+1 <= 0) {
			t.Fatalf("%q is taken as %d to %d", s, first, last)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add("", []byte(`{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
	f.Add("application/vnd.oci.image.manifest.v1+json", []byte(`{"config":{"digest":"sha256:x","size":-1},"layers":[{}]}`))
	f.Add("text/plain; charset=x", []byte(`{"subject":{}}`))
	f.Fuzz(func(t *testing.T, mediaType string, raw []byte) {
		c, err := ParseManifest(mediaType, raw)
		if err != nil {
			return
		}
		if c.MediaType == "" {
			t.Fatal("no media type")
		}
		for _, d := range c.all() {
			if _, err := parseDigest(string(d.Digest)); err != nil || d.Size < 0 {
				t.Fatalf("%+v is taken: %v", d, err)
			}
		}
	})
}
