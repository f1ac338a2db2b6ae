package oneshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
)

// RawLimit is what is kept on disk of each stream, in bytes, beside what the
// caller gets.
const RawLimit = 16 << 20

// stream passes a program's output on as it comes, up to a limit, and keeps the
// end of what is more, so that its head and its tail are seen and nothing grows
// without bound. Memory for the tail is taken when it is needed.
type stream struct {
	mu   sync.Mutex
	to   io.Writer
	head int64 // bytes left to pass on
	tail []byte
	size int // of the tail
	at   int // where the tail goes on, once it is full

	raw  *os.File
	left int64 // bytes left of RawLimit
	sum  hash.Hash
	n    int64 // bytes in all
	kept int64 // of them passed on
	err  error // of the caller's writer: nothing is written to it after that
}

// newStream gives to limit bytes: seven eighths are the head, the rest is the
// tail, 1 MiB at most. raw may be nil.
func newStream(to io.Writer, limit int64, raw *os.File) *stream {
	if to == nil {
		to = io.Discard
	}
	size := min(limit/8, 1<<20)
	return &stream{to: to, head: limit - size, size: int(size), raw: raw, left: RawLimit, sum: sha256.New()}
}

// Write never fails: a program is not stopped because its output is not wanted.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n += int64(len(p))
	s.sum.Write(p)
	if s.raw != nil && s.left > 0 {
		part := p[:min(int64(len(p)), s.left)]
		if _, err := s.raw.Write(part); err != nil {
			s.left = 0 // a full disk: what the caller gets matters more
		}
		s.left -= int64(len(part))
	}
	now := p[:min(int64(len(p)), s.head)]
	s.head -= int64(len(now))
	s.pass(now)
	s.keep(p[len(now):])
	return len(p), nil
}

func (s *stream) pass(p []byte) {
	if len(p) == 0 || s.err != nil {
		return
	}
	var n int
	n, s.err = s.to.Write(p)
	s.kept += int64(n)
}

// keep puts p into the ring of the tail.
func (s *stream) keep(p []byte) {
	if s.size == 0 || len(p) == 0 {
		return
	}
	p = p[max(0, len(p)-s.size):]
	if room := min(s.size-len(s.tail), len(p)); room > 0 {
		s.tail = append(s.tail, p[:room]...)
		p = p[room:]
	}
	for len(p) > 0 {
		n := copy(s.tail[s.at:], p)
		s.at = (s.at + n) % s.size
		p = p[n:]
	}
}

// finish passes the tail on, after a note of what is missing, and says what there
// was.
func (s *stream) finish(name string) Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Output{Bytes: s.n, SHA256: hex.EncodeToString(s.sum.Sum(nil))}
	if s.raw != nil && s.n > 0 {
		out.Raw = s.raw.Name()
	}
	out.Dropped = s.n - s.kept - int64(len(s.tail))
	if s.err != nil {
		out.Dropped = s.n - s.kept
		return out
	}
	if out.Dropped > 0 {
		where := ""
		if out.Raw != "" {
			where = fmt.Sprintf("; the first %d MiB of all are in %s", int64(RawLimit)>>20, out.Raw)
		}
		_, _ = fmt.Fprintf(s.to, "\n[envctl: %d bytes of %s left out here%s]\n", out.Dropped, name, where)
	}
	s.pass(s.tail[min(s.at, len(s.tail)):])
	s.pass(s.tail[:min(s.at, len(s.tail))])
	return out
}
