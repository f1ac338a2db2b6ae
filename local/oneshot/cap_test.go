package oneshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStream(t *testing.T) {
	t.Parallel()
	text := func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "%d,", i)
		}
		return b.String()[:n]
	}
	for _, row := range []struct {
		limit   int64
		n, step int
		dropped int64
	}{
		{80, 0, 1, 0}, {80, 50, 7, 0}, {80, 70, 70, 0}, {80, 71, 3, 0}, {80, 80, 80, 0}, {80, 81, 1, 1}, {80, 500, 1, 420},
		{80, 500, 9, 420}, {80, 500, 10, 420}, {80, 500, 500, 420}, {80, 503, 13, 423}, {1, 5, 2, 4}, {7, 100, 100, 93},
	} {
		t.Run(fmt.Sprintf("%d of %d by %d", row.limit, row.n, row.step), func(t *testing.T) {
			t.Parallel()
			raw, err := os.Create(filepath.Join(t.TempDir(), "raw"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = raw.Close() }()
			var to bytes.Buffer
			s := newStream(&to, row.limit, raw)
			all := text(row.n)
			for rest := all; rest != ""; {
				part := rest[:min(row.step, len(rest))]
				rest = rest[len(part):]
				if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
			}
			out := s.finish("stdout")
			sum := sha256.Sum256([]byte(all))
			if out.Bytes != int64(row.n) || out.Dropped != row.dropped || out.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%+v", out)
			}
			if kept, err := os.ReadFile(raw.Name()); err != nil || string(kept) != all {
				t.Errorf("raw: %q, %v", kept, err)
			}
			if row.dropped == 0 {
				if to.String() != all {
					t.Errorf("%q, want %q", to.String(), all)
				}
				return
			}
			tail := int(row.limit / 8)
			head := int(row.limit) - tail
			if got := to.String(); !strings.HasPrefix(got, all[:head]+"\n[envctl: ") || !strings.HasSuffix(got, "]\n"+all[len(all)-tail:]) {
				t.Errorf("%q", got)
			}
		})
	}
}

// broken is a writer whose reader has gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestStreamOfAReaderThatIsGone(t *testing.T) {
	t.Parallel()
	s := newStream(broken{}, 80, nil)
	for range 100 {
		if n, err := s.Write([]byte("line\n")); n != 5 || err != nil {
			t.Fatalf("wrote %d, %v: the program must go on", n, err)
		}
	}
	if out := s.finish("stdout"); out.Bytes != 500 || out.Dropped != 500 {
		t.Errorf("%+v", out)
	}
}
