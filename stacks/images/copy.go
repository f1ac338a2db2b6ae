package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/local/registry"
)

// CopyRequest asks for an image of one registry on another.
type CopyRequest struct {
	From, To Place
	// Digest is the manifest's or the index's (sha256:…); the copy has the same.
	Digest string
	// Tag is given to the copy; empty: none. A tag that means another image there is
	// refused with a [*MovedTagError].
	Tag string
	// Mount are repositories of the other registry that may have some of the layers,
	// which are then not sent. To be read with the credentials of To.
	Mount []string
	// OnEvent is told after each layer; nil: nobody. Calls come one at a time.
	OnEvent func(CopyEvent)

	patience patience // zero: as for people
}

// CopyEvent is progress of a copy.
type CopyEvent struct {
	Digest string // of the layer or config
	Size   int64  // bytes
	How    string // sent, mounted or existing
}

// The values of CopyEvent.How.
const (
	Sent     = "sent"
	Mounted  = "mounted"
	Existing = "existing"
)

// CopyResult is what a copy did.
type CopyResult struct {
	Bytes    int64 // of content that was sent, what was sent twice included
	Layers   int   // blobs of the image, configs included, each counted once
	Sent     int   // of these, those that were sent
	Mounted  int   // that another repository had
	Existing int   // that were there
	// Manifests is how many manifests were sent; 0 where all was there.
	Manifests int
}

// MovedTagError is a tag that means another image than the one to be copied.
type MovedTagError struct{ Ref, Has, Wants string }

func (e *MovedTagError) Error() string {
	return fmt.Sprintf("the tag %s means %s and would move to %s", e.Ref, e.Has, e.Wants)
}

// Hint says how to mend it.
func (*MovedTagError) Hint() string {
	return "a tag is not moved: give the copy another one, or delete the tag there"
}

// Copy copies an image by its digest, byte for byte, an index with all of its
// manifests: what the other registry has is not sent, a connection that breaks is
// gone on with where it broke, and in the end every part is there with its digest
// and size. A copy that was interrupted is completed by the next one.
func Copy(ctx context.Context, r CopyRequest) (CopyResult, error) {
	if _, err := digest.Parse(r.Digest); err != nil {
		return CopyResult{}, fmt.Errorf("%q is no digest of an image: %w", r.Digest, err)
	}
	if r.patience.tries == 0 {
		r.patience = defaultPatience()
	}
	mounts := r.Mount
	if r.From.Registry == r.To.Registry && r.From.Repository != r.To.Repository {
		mounts = append([]string{r.From.Repository}, mounts...)
	}
	from, err := newSession(ctx, r.From, r.patience, false)
	if err != nil {
		return CopyResult{}, err
	}
	to, err := newSession(ctx, r.To, r.patience, true, mounts...)
	if err != nil {
		return CopyResult{}, err
	}
	c := &copier{request: r, from: from, to: to, mounts: mounts, seen: map[string]bool{}}
	err = c.copy(ctx)
	if err != nil {
		err = fmt.Errorf("copy %s to %s/%s: %w", r.From.Ref(r.Digest), r.To.Registry, r.To.Repository, err)
	}
	return c.result, err
}

type copier struct {
	request  CopyRequest
	from, to *session
	mounts   []string

	mu     sync.Mutex
	result CopyResult
	seen   map[string]bool // blobs and manifests that are dealt with
}

func (c *copier) copy(ctx context.Context) error {
	if tag := c.request.Tag; tag != "" {
		has, err := c.to.head(ctx, "manifests/"+tag)
		if err == nil && has.digest != "" && has.digest != c.request.Digest {
			err = &MovedTagError{Ref: c.request.To.Registry + "/" + c.request.To.Repository + ":" + tag, Has: has.digest, Wants: c.request.Digest}
		}
		if err != nil {
			return err
		}
	}
	return c.manifest(ctx, c.request.Digest, c.request.Tag, 0)
}

// maxDepth is how deep indexes may lie in each other.
const maxDepth = 4

// manifest copies a manifest after all that it is made of.
func (c *copier) manifest(ctx context.Context, d, tag string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("indexes lie more than %d deep in each other", maxDepth)
	}
	mediaType, raw, err := c.from.manifest(ctx, d)
	if err != nil {
		return err
	}
	content, err := registry.ParseManifest(mediaType, raw)
	if err != nil {
		return fmt.Errorf("%s: %w", d, err)
	}
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for _, b := range content.Blobs() {
		if c.first(b.Digest.String()) {
			group.Go(func() error { return c.blob(working, b) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, child := range content.Manifests {
		if !c.first(child.Digest.String()) {
			continue
		}
		if err := c.manifest(ctx, child.Digest.String(), "", depth+1); err != nil {
			return err
		}
	}
	return c.put(ctx, d, tag, content.MediaType, raw)
}

// first says whether something is to be dealt with: it is not yet.
func (c *copier) first(d string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen[d]
	c.seen[d] = true
	return !seen
}

// put gives the other registry a manifest that it does not have, and a tag, and
// holds what is there then against it.
func (c *copier) put(ctx context.Context, d, tag, mediaType string, raw []byte) error {
	for _, reference := range []string{d, tag} {
		if reference == "" {
			continue
		}
		has, err := c.to.head(ctx, "manifests/"+reference)
		if err != nil {
			return err
		}
		if has.digest == d {
			continue
		}
		if err := c.to.putManifest(ctx, reference, mediaType, raw); err != nil {
			return err
		}
		if reference == d {
			c.mu.Lock()
			c.result.Manifests++
			c.mu.Unlock()
		}
	}
	_, there, err := c.to.manifest(ctx, d)
	if err == nil && string(there) != string(raw) {
		err = fmt.Errorf("the copy of %s differs from it", d)
	}
	return err
}

// done counts a blob.
func (c *copier) done(b ocispec.Descriptor, how string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Layers++
	switch how {
	case Sent:
		c.result.Sent++
	case Mounted:
		c.result.Mounted++
	case Existing:
		c.result.Existing++
	}
	if c.request.OnEvent != nil {
		c.request.OnEvent(CopyEvent{Digest: b.Digest.String(), Size: b.Size, How: how})
	}
}

// found is what a registry says that it has; without digest it has nothing.
type found struct {
	digest string
	size   int64
}

// head asks whether something is there.
func (s *session) head(ctx context.Context, path string) (found, error) {
	answer, err := s.do(ctx, request{
		method: http.MethodHead, url: s.url(path), header: accept(), expect: []int{http.StatusOK, http.StatusNotFound},
	})
	if err != nil {
		return found{}, err
	}
	_ = answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return found{}, nil
	}
	d := answer.Header.Get("Docker-Content-Digest")
	if _, reference, _ := strings.Cut(path, "/"); d == "" && strings.Contains(reference, ":") {
		d = reference
	}
	if d == "" { // the specification leaves the header open
		return s.read(ctx, path)
	}
	return found{digest: d, size: answer.ContentLength}, nil
}

// read finds out a tag's digest from what it leads to.
func (s *session) read(ctx context.Context, path string) (found, error) {
	answer, err := s.do(ctx, request{method: http.MethodGet, url: s.url(path), header: accept(), expect: []int{http.StatusOK}})
	if err != nil {
		return found{}, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxManifest))
	return found{digest: digest.FromBytes(raw).String(), size: int64(len(raw))}, err
}

func accept() http.Header {
	return http.Header{"Accept": {
		ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest,
		"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json",
	}}
}

// manifest reads a manifest by its digest and holds it against that.
func (s *session) manifest(ctx context.Context, d string) (mediaType string, raw []byte, err error) {
	answer, err := s.do(ctx, request{
		method: http.MethodGet, url: s.url("manifests/" + d), header: accept(), expect: []int{http.StatusOK},
	})
	if statusOf(err) == http.StatusNotFound {
		return "", nil, &AbsentError{Ref: s.place.Ref(d)}
	}
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(answer.Body, maxManifest+1))
	if err == nil && len(raw) > maxManifest {
		err = fmt.Errorf("the manifest %s has more than %d bytes", s.place.Ref(d), maxManifest)
	}
	if want := digest.Digest(d); err == nil && want.Algorithm().FromBytes(raw) != want {
		err = fmt.Errorf("the registry answers for %s with another manifest, of %d bytes", s.place.Ref(d), len(raw))
	}
	return answer.Header.Get("Content-Type"), raw, err
}

func (s *session) putManifest(ctx context.Context, reference, mediaType string, raw []byte) error {
	answer, err := s.do(ctx, request{
		method: http.MethodPut, url: s.url("manifests/" + reference), body: string(raw),
		header: http.Header{"Content-Type": {mediaType}, "Content-Length": {strconv.Itoa(len(raw))}}, expect: []int{http.StatusCreated},
	})
	if err != nil {
		return err
	}
	return errors.Join(answer.Body.Close())
}

// AbsentError is an image that a registry does not have.
type AbsentError struct{ Ref string }

func (e *AbsentError) Error() string { return fmt.Sprintf("the registry has no image %s", e.Ref) }
