package source

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	gofs "io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"
)

// format changes when the same files must no longer give the same hash.
const format = "envctl-source-1"

// Hash is the SHA-256 (sha256:…) of everything that the build reads: of the
// context what the ignore file keeps and envctl did not write, by path, kind, permission bits, content
// and link target; the Dockerfile; target and arguments; the added files by
// destination. Neither times nor owners nor where the context lies matter.
func (r Recipe) Hash(ctx context.Context) (string, error) {
	if err := r.Check(); err != nil {
		return "", err
	}
	entries, err := r.contextEntries(ctx)
	if err != nil {
		return "", err
	}
	layer, err := r.Layer()
	if err != nil {
		return "", err
	}
	kept := len(entries)
	for _, e := range layer {
		entries = append(entries, e.hashed())
	}
	dockerfile := hashed{file: r.DockerfilePath(), kind: 'f'}
	if err := sumAll(ctx, append(slices.Clone(entries), &dockerfile)); err != nil {
		return "", err
	}

	h := sha256.New()
	put(h, format)
	put(h, "dockerfile", string(dockerfile.sum[:]))
	put(h, "target", r.Target)
	for _, name := range slices.Sorted(maps.Keys(r.Args)) {
		put(h, "arg", name, r.Args[name])
	}
	for i, e := range entries {
		place := "context"
		if i >= kept {
			place = "layer"
		}
		put(h, place, e.path, string(e.kind), fmt.Sprintf("%o", e.mode), e.link, string(e.sum[:]))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// hashed is one file system entry on its way into the hash.
type hashed struct {
	path string // slash-separated, within the context or the image
	file string // on this machine; "" when there is no content
	kind rune   // f, d, l or s (something special)
	mode uint32 // permission, set-id and sticky bits as in stat(2)
	link string
	sum  [sha256.Size]byte
}

func (r Recipe) contextEntries(ctx context.Context) ([]*hashed, error) {
	patterns, err := r.excludes()
	if err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(r.Context)
	if err != nil {
		return nil, err
	}
	all, err := fsutil.NewFS(root)
	if err != nil {
		return nil, err
	}
	kept, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: append(patterns, unread...)})
	if err != nil {
		return nil, err
	}
	var entries []*hashed
	err = kept.Walk(ctx, "/", func(p string, entry gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*types.Stat)
		if !ok {
			return fmt.Errorf("no file attributes for %s", p)
		}
		entries = append(entries, contextEntry(root, p, stat))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the build context %s: %w", r.Context, err)
	}
	slices.SortFunc(entries, func(a, b *hashed) int { return strings.Compare(a.path, b.path) })
	return entries, nil
}

func contextEntry(root, p string, stat *types.Stat) *hashed {
	mode := os.FileMode(stat.Mode)
	e := &hashed{path: filepath.ToSlash(p), mode: unixMode(mode)}
	switch {
	case mode.IsDir():
		e.kind = 'd'
	case mode&os.ModeSymlink != 0:
		// The bits of a link mean nothing and differ between systems.
		e.kind, e.link, e.mode = 'l', stat.Linkname, 0
	case mode.IsRegular():
		e.kind, e.file = 'f', filepath.Join(root, p)
	default:
		e.kind = 's'
	}
	return e
}

func unixMode(mode os.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for flag, bit := range map[os.FileMode]uint32{os.ModeSetuid: 0o4000, os.ModeSetgid: 0o2000, os.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// sumAll hashes contents side by side: small files cost system calls, large
// ones a core each.
func sumAll(ctx context.Context, entries []*hashed) error {
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() error {
			h, buf := sha256.New(), make([]byte, 128<<10)
			for i := w; i < len(entries); i += workers {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := entries[i].read(h, buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (e *hashed) read(h hash.Hash, buf []byte) error {
	if e.file == "" {
		return nil
	}
	f, err := os.Open(e.file)
	if err != nil {
		return fmt.Errorf("read what the build needs: %w", err)
	}
	defer f.Close()
	h.Reset()
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, buf); err != nil {
		return fmt.Errorf("read what the build needs: %w", err)
	}
	h.Sum(e.sum[:0])
	return nil
}

// put writes fields with their lengths, so that no two lists look alike.
func put(h hash.Hash, fields ...string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(fields)))
	h.Write(n[:])
	for _, field := range fields {
		binary.BigEndian.PutUint64(n[:], uint64(len(field)))
		h.Write(n[:])
		io.WriteString(h, field)
	}
}
