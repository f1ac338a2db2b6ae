package source

import (
	"bytes"
	"context"
	"io"
	gofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// memoryFile is a file of an [fsutil.FS] that lies nowhere.
type memoryFile struct {
	name string
	size int64
	open func() io.ReadCloser
}

// memoryFS holds a few files in one folder.
type memoryFS []memoryFile

// LayerContext is a build context with nothing but the layer as layer.tar.
func LayerContext(l Layer) (fsutil.FS, error) {
	size, err := l.Size()
	if err != nil {
		return nil, err
	}
	return memoryFS{{name: "layer.tar", size: size, open: func() io.ReadCloser {
		r, w := io.Pipe()
		go func() {
			_, err := l.WriteTo(w)
			_ = w.CloseWithError(err)
		}()
		return r
	}}}, nil
}

// TextFile is a folder with one small file.
func TextFile(name, content string) fsutil.FS {
	return memoryFS{{name: name, size: int64(len(content)), open: func() io.ReadCloser {
		return io.NopCloser(bytes.NewReader([]byte(content)))
	}}}
}

// Walk implements [fsutil.FS].
func (m memoryFS) Walk(ctx context.Context, target string, fn gofs.WalkDirFunc) error {
	target = strings.Trim(filepath.ToSlash(filepath.Clean(target)), "/")
	for _, f := range m {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if target != "" && target != "." && target != f.name {
			continue
		}
		// The time is now, so that a builder that kept an older file of this
		// name and size asks for the content again. It is no part of its cache key.
		stat := &types.Stat{Path: f.name, Mode: 0o644, Size: f.size, ModTime: time.Now().UnixNano()}
		if err := fn(f.name, &fsutil.DirEntryInfo{Stat: stat}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Open implements [fsutil.FS].
func (m memoryFS) Open(p string) (io.ReadCloser, error) {
	name := strings.Trim(filepath.ToSlash(p), "/")
	i := slices.IndexFunc(m, func(f memoryFile) bool { return f.name == name })
	if i < 0 {
		return nil, &os.PathError{Op: "open", Path: p, Err: os.ErrNotExist}
	}
	return m[i].open(), nil
}
