package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// stall is how long a stream may bring nothing before it is taken for broken.
const stall = time.Minute

// blob makes sure that the other registry has a blob.
func (c *copier) blob(ctx context.Context, b ocispec.Descriptor) error {
	has, err := c.to.head(ctx, "blobs/"+b.Digest.String())
	if err != nil {
		return err
	}
	if has.digest != "" && has.size == b.Size {
		c.done(b, Existing)
		return nil
	}
	at, mounted, err := c.mount(ctx, b)
	if err != nil {
		return err
	}
	how := Mounted
	if !mounted {
		how = Sent
		if err := c.send(ctx, b, at); err != nil {
			return fmt.Errorf("blob %s: %w", b.Digest, err)
		}
	}
	has, err = c.to.head(ctx, "blobs/"+b.Digest.String())
	if err == nil && (has.digest != b.Digest.String() || has.size != b.Size) {
		err = fmt.Errorf("the registry took %s of %d bytes and has %q of %d bytes", b.Digest, b.Size, has.digest, has.size)
	}
	if err == nil {
		c.done(b, how)
	}
	return err
}

// mount tries to have the blob from another repository there. Where that is not to
// be, an upload may have begun.
func (c *copier) mount(ctx context.Context, b ocispec.Descriptor) (upload string, mounted bool, err error) {
	for _, from := range c.mounts {
		query := url.Values{"mount": {b.Digest.String()}, "from": {from}}
		answer, err := c.to.do(ctx, request{
			method: http.MethodPost, url: c.to.url("blobs/uploads/?" + query.Encode()),
			expect: []int{http.StatusCreated, http.StatusAccepted},
		})
		if status := statusOf(err); status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound {
			continue // that repository may not be read, or is none
		}
		if err != nil {
			return "", false, err
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusCreated {
			return "", true, nil
		}
		if upload, err = resolve(answer); err != nil {
			return "", false, err
		}
	}
	return upload, false, nil
}

// begin begins an upload and returns where it goes on.
func (s *session) begin(ctx context.Context) (string, error) {
	answer, err := s.do(ctx, request{method: http.MethodPost, url: s.url("blobs/uploads/"), expect: []int{http.StatusAccepted}})
	if err != nil {
		return "", err
	}
	_ = answer.Body.Close()
	return resolve(answer)
}

// send sends a blob. After a break it goes on with what the registry has of it, or
// anew where the registry has lost the upload; it gives up after several breaks in
// a row that brought nothing.
func (c *copier) send(ctx context.Context, b ocispec.Descriptor, at string) error {
	offset := int64(0)
	broke := false
	for failed := 0; ; {
		var err error
		if at == "" {
			offset = 0
			at, err = c.to.begin(ctx)
		}
		if err == nil {
			at, err = c.rest(ctx, b, at, offset, broke)
		}
		if err == nil {
			if err = c.to.commit(ctx, b, at); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if final(err) {
			return err
		}
		// A commit whose answer was lost is done.
		if has, headErr := c.to.head(ctx, "blobs/"+b.Digest.String()); headErr == nil && has.digest != "" && has.size == b.Size {
			return nil
		}
		if statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
			at = "" // the two do not agree about what has arrived
		}
		before := offset
		broke = true
		at, offset = c.to.progress(ctx, at)
		if failed++; offset > before {
			failed = 0
		}
		if failed >= c.request.patience.tries {
			return fmt.Errorf("given up after %d tries that brought nothing: %w", failed, err)
		}
		if err := c.request.patience.wait(ctx, failed, 0); err != nil {
			return err
		}
	}
}

// final says that trying again cannot help: the registry refuses the content or
// the right to send it, or the source has none.
func final(err error) bool {
	switch statusOf(err) {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed,
		http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage:
		return true
	}
	var absent *AbsentError
	return errors.As(err, &absent)
}

// rest sends a blob from an offset to its end and returns where the upload goes on.
// The range is told where something may have arrived before.
func (c *copier) rest(ctx context.Context, b ocispec.Descriptor, at string, offset int64, again bool) (string, error) {
	if offset >= b.Size {
		return at, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	source, err := c.from.open(ctx, b, offset)
	if err != nil {
		return at, err
	}
	defer source.Close()
	body := &watched{Reader: io.LimitReader(source, b.Size-offset), sent: &c.result.Bytes}
	body.timer = time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing was sent for %v", stall)) })
	defer body.timer.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, at, io.NopCloser(body))
	if err != nil {
		return at, err
	}
	r.ContentLength = b.Size - offset
	r.Header.Set("Content-Type", "application/octet-stream")
	if again {
		r.Header.Set("Content-Range", fmt.Sprintf("%d-%d", offset, b.Size-1))
	}
	answer, err := c.to.client.Do(r)
	if err != nil {
		return at, errors.Join(fmt.Errorf("PATCH %s: %w", redact(at), err), context.Cause(ctx))
	}
	if answer, err = check(answer, http.StatusAccepted, http.StatusCreated, http.StatusNoContent); err != nil {
		return at, err
	}
	_ = answer.Body.Close()
	return resolve(answer)
}

// open reads a blob of the source from an offset.
func (s *session) open(ctx context.Context, b ocispec.Descriptor, offset int64) (io.ReadCloser, error) {
	r := request{method: http.MethodGet, url: s.url("blobs/" + b.Digest.String()), expect: []int{http.StatusOK}}
	if offset > 0 {
		r.header = http.Header{"Range": {fmt.Sprintf("bytes=%d-", offset)}}
		r.expect = append(r.expect, http.StatusPartialContent)
	}
	answer, err := s.do(ctx, r)
	if statusOf(err) == http.StatusNotFound {
		return nil, &AbsentError{Ref: s.place.Ref(b.Digest.String())}
	}
	if err != nil {
		return nil, err
	}
	if offset > 0 && answer.StatusCode == http.StatusOK { // it knows no ranges
		if _, err := io.CopyN(io.Discard, answer.Body, offset); err != nil {
			return nil, errors.Join(err, answer.Body.Close())
		}
	}
	return answer.Body, nil
}

// commit makes a blob of an upload that has all of it.
func (s *session) commit(ctx context.Context, b ocispec.Descriptor, at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	query := u.Query()
	query.Set("digest", b.Digest.String())
	u.RawQuery = query.Encode()
	answer, err := s.once(ctx, request{
		method: http.MethodPut, url: u.String(), header: http.Header{"Content-Type": {"application/octet-stream"}},
		expect: []int{http.StatusCreated, http.StatusNoContent},
	})
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// progress asks how much of an upload has arrived. An empty address says that it
// has to begin anew.
func (s *session) progress(ctx context.Context, at string) (string, int64) {
	if at == "" {
		return "", 0
	}
	answer, err := s.do(ctx, request{method: http.MethodGet, url: at, expect: []int{http.StatusNoContent}})
	if err != nil {
		return "", 0
	}
	_ = answer.Body.Close()
	size, ok := received(answer.Header.Get("Range"))
	next, err := resolve(answer)
	if err != nil {
		next = at
	}
	if !ok {
		return "", 0
	}
	return next, size
}

// received reads how many bytes have arrived from a Range such as 0-99. 0-0 is one
// byte or, as most registries have it, none; it is taken for none.
func received(header string) (int64, bool) {
	from, to, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	last, err := strconv.ParseUint(to, 10, 62)
	if !ok || err != nil || from != "0" {
		return 0, false
	}
	if last == 0 {
		return 0, true
	}
	return int64(last) + 1, true
}

// watched counts what is read and notices a reader that brings nothing.
type watched struct {
	io.Reader
	sent  *int64
	timer *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	atomic.AddInt64(w.sent, int64(n))
	w.timer.Reset(stall)
	return n, err
}
