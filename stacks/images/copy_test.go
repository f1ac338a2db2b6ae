package images

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

func TestASecondCopyMovesNothing(t *testing.T) {
	t.Parallel()
	from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{ImmutableTags: true})
	layer := random(1, 3<<20)
	d := from.image("x/app", "v1", layer, random(2, 1000), nil) // one layer is empty
	request := CopyRequest{From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String(), Tag: "v1", patience: quick()}
	first, err := Copy(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	same(t, from, "x/app", to, "x/app", d.Digest)
	if first.Sent != 4 || first.Layers != 4 || first.Manifests != 1 || first.Bytes < 3<<20 || first.Bytes > 3<<20+2000 {
		t.Errorf("%+v", first)
	}
	before := to.writes()
	second, err := Copy(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if second != (CopyResult{Layers: 4, Existing: 4}) {
		t.Errorf("%+v", second)
	}
	if n := to.writes() - before; n != 0 {
		t.Errorf("%d requests that write", n)
	}
	if n := from.count("GET", "/blobs/"); n != 3 {
		t.Errorf("the source was read %d times, expected 3 layers and configs that are not empty", n)
	}
}

// An index is kept whole, with its images for every platform and what lies in it.
func TestAnIndexIsKeptWhole(t *testing.T) {
	t.Parallel()
	from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{})
	shared := random(3, 1000)
	amd, arm := from.image("x/app", "amd64", shared, random(4, 10)), from.image("x/app", "arm64", shared, random(5, 10))
	amd.Platform, arm.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}, &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	inner := from.manifest("x/app", "", ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{amd, arm}})
	outer := from.manifest("x/app", "", ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{describe(ocispec.MediaTypeImageIndex, inner), amd}})
	d := digest.FromBytes(outer)
	var told []CopyEvent
	result, err := Copy(t.Context(), CopyRequest{
		From: from.place("x/app"), To: to.place("y/app"), Digest: d.String(), patience: quick(),
		OnEvent: func(e CopyEvent) { told = append(told, e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []digest.Digest{d, digest.FromBytes(inner), amd.Digest, arm.Digest} {
		same(t, from, "x/app", to, "y/app", part)
	}
	if result.Layers != 5 || result.Manifests != 4 || len(told) != 5 {
		t.Errorf("%+v, %v", result, told)
	}
}

func TestLayersThatAnotherRepositoryHasAreMounted(t *testing.T) {
	t.Parallel()
	from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{})
	layer := random(6, 100_000)
	d := from.image("x/app", "v1", layer)
	to.blob("base/image", layer)
	result, err := Copy(t.Context(), CopyRequest{
		From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String(), Mount: []string{"none/such", "base/image"}, patience: quick(),
	})
	if err != nil || result.Mounted != 1 || result.Bytes > 1000 {
		t.Errorf("%+v, %v", result, err)
	}
	// Within one registry nothing is sent at all.
	result, err = Copy(t.Context(), CopyRequest{From: to.place("x/app"), To: to.place("z/app"), Digest: d.Digest.String(), patience: quick()})
	if err != nil || result.Mounted != 2 || result.Bytes != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	same(t, from, "x/app", to, "z/app", d.Digest)
}

// breaking ends connections in the middle of the first bodies of a method.
type breaking struct {
	method string
	times  int32
	after  int64 // bytes
	status bool  // the upload can be asked how far it is
}

func (b *breaking) meddle(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if !b.status && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/uploads/") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if r.Method == b.method && strings.Contains(r.URL.Path, "/blobs/") && atomic.AddInt32(&b.times, -1) >= 0 {
		if r.Method == http.MethodGet {
			w = &shortWriter{ResponseWriter: w, left: b.after}
		} else {
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, b.after), cut{}))
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
	}
	next.ServeHTTP(w, r)
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type shortWriter struct {
	http.ResponseWriter
	left int64
}

func (s *shortWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > s.left {
		_, _ = s.ResponseWriter.Write(p[:s.left])
		panic(http.ErrAbortHandler)
	}
	s.left -= int64(len(p))
	return s.ResponseWriter.Write(p)
}

func TestACopyGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	const size, after = 4 << 20, 1 << 20
	for name, c := range map[string]struct {
		from, to breaking
		uploads  int // that are begun for the two blobs
	}{
		"the other side breaks three times": {to: breaking{"PATCH", 3, after, true}, uploads: 2},
		"it forgets what it had":            {to: breaking{"PATCH", 2, after, false}, uploads: 4},
		"the source breaks three times":     {from: breaking{"GET", 3, after, true}, to: breaking{status: true}, uploads: 2},
		"both break":                        {from: breaking{"GET", 2, after, true}, to: breaking{"PATCH", 2, after, true}, uploads: 2},
		"the last answer is lost":           {to: breaking{"PUT", 1, 0, true}, uploads: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{})
			d := from.image("x/app", "v1", random(7, size))
			from.meddle, to.meddle = c.from.meddle, c.to.meddle
			if c.from.method == "" {
				from.meddle = nil
			}
			result, err := Copy(t.Context(), CopyRequest{From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String(), patience: quick()})
			if err != nil {
				t.Fatal(err)
			}
			same(t, from, "x/app", to, "x/app", d.Digest)
			if n := to.count("POST", "/uploads/"); n != c.uploads || result.Sent != 2 || result.Bytes < size {
				t.Errorf("%d uploads were begun, expected %d: %+v", n, c.uploads, result)
			}
		})
	}
}

// What never gets on is given up, and the next copy completes what is there.
func TestACopyThatIsGivenUp(t *testing.T) {
	t.Parallel()
	from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{})
	small, big := random(8, 10), random(9, 1<<20)
	d := from.image("x/app", "v1", small, big)
	from.meddle = func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, digest.FromBytes(big).Encoded()) {
			w = &shortWriter{ResponseWriter: w}
		}
		next.ServeHTTP(w, r)
	}
	request := CopyRequest{From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String(), Tag: "v1", patience: quick()}
	_, err := Copy(t.Context(), request)
	if err == nil || !strings.Contains(err.Error(), "given up after 4 tries") || !strings.Contains(err.Error(), digest.FromBytes(big).String()) {
		t.Fatalf("%v", err)
	}
	if tags, err := to.store.Tags("x/app"); len(tags) > 0 || err != nil {
		t.Errorf("tags %v, %v", tags, err)
	}
	from.mu.Lock()
	from.meddle = nil
	from.mu.Unlock()
	result, err := Copy(t.Context(), request)
	if err != nil || result.Existing+result.Sent != 3 || result.Sent == 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestABusyRegistryIsAskedAgain(t *testing.T) {
	t.Parallel()
	from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{})
	d := from.image("x/app", "v1", random(10, 1000))
	var n atomic.Int32
	var seen sync.Map
	meddle := func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if _, again := seen.LoadOrStore(r.Method+r.Host+r.URL.Path, true); !again {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader([]int{429, 500, 503}[n.Add(1)%3])
			return
		}
		next.ServeHTTP(w, r)
	}
	from.meddle, to.meddle = meddle, meddle
	if _, err := Copy(t.Context(), CopyRequest{From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String(), Tag: "v1", patience: quick()}); err != nil {
		t.Fatal(err)
	}
	same(t, from, "x/app", to, "x/app", d.Digest)
}

func TestCopiesThatAreRefused(t *testing.T) {
	t.Parallel()
	from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{})
	layer := random(11, 1000)
	d := from.image("x/app", "v1", layer)
	other := to.image("x/app", "v1", random(12, 10))
	run := func(change func(*CopyRequest)) error {
		r := CopyRequest{From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String(), patience: quick()}
		change(&r)
		_, err := Copy(t.Context(), r)
		return err
	}
	var moved *MovedTagError
	if err := run(func(r *CopyRequest) { r.Tag = "v1" }); !errors.As(err, &moved) || moved.Has != other.Digest.String() {
		t.Errorf("a tag that means something else: %v", err)
	}
	var absent *AbsentError
	if err := run(func(r *CopyRequest) { r.Digest = digest.FromString("x").String() }); !errors.As(err, &absent) {
		t.Errorf("an image that is not there: %v", err)
	}
	if err := run(func(r *CopyRequest) { r.Digest = "latest" }); err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("no digest: %v", err)
	}
	if err := run(func(r *CopyRequest) { r.From.Registry = "127.0.0.1:1" }); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("no registry there: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Copy(ended, CopyRequest{From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String()}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	// A source whose disk has turned a bit.
	sum := digest.FromBytes(layer)
	layer[0] ^= 1
	if err := os.WriteFile(filepath.Join(from.store.Dir(), "blobs/sha256", sum.Encoded()[:2], sum.Encoded()), layer, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(func(*CopyRequest) {}); err == nil || !strings.Contains(err.Error(), "DIGEST_INVALID") {
		t.Errorf("damaged: %v", err)
	}
	if manifests, err := to.store.Manifests("x/app"); len(manifests) != 1 || err != nil {
		t.Errorf("manifests %v, %v", manifests, err)
	}
}

// A registry may leave out the headers that say digests.
func TestARegistryThatSaysNoDigests(t *testing.T) {
	t.Parallel()
	from, to := newSide(t, registry.Options{}), newSide(t, registry.Options{})
	d := from.image("x/app", "v1", random(14, 1000))
	to.meddle = func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		answer.Header().Del("Docker-Content-Digest")
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
	request := CopyRequest{From: from.place("x/app"), To: to.place("x/app"), Digest: d.Digest.String(), Tag: "v1", patience: quick()}
	for range 2 {
		if _, err := Copy(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	request.Digest = from.image("x/app", "v2", random(15, 1000)).Digest.String()
	var moved *MovedTagError
	if _, err := Copy(t.Context(), request); !errors.As(err, &moved) {
		t.Errorf("another image under the tag: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	from := newSide(t, registry.Options{})
	to := newSide(t, registry.Options{Authorize: func(r *http.Request, _ string, _ bool) error {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			return &registry.Error{Status: 401, Code: "UNAUTHORIZED", Message: "who?", Challenge: `Basic realm="x"`}
		}
		return nil
	}})
	d := from.image("x/app", "v1", random(13, 1000))
	at := to.place("x/app")
	if _, err := Copy(t.Context(), CopyRequest{From: from.place("x/app"), To: at, Digest: d.Digest.String(), patience: quick()}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without credentials: %v", err)
	}
	at.Auth = &authn.Basic{Username: "me", Password: "secret"}
	if _, err := Copy(t.Context(), CopyRequest{From: from.place("x/app"), To: at, Digest: d.Digest.String(), patience: quick()}); err != nil {
		t.Error(err)
	}
}

func FuzzReceived(f *testing.F) {
	for _, s := range []string{"0-0", "0-99", "bytes=0-5", "1-5", "0--1", "", "-", "0-9999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := received(s); ok && (n < 0 || n == 1) {
			t.Fatalf("%q is taken as %d bytes", s, n)
		}
	})
}
