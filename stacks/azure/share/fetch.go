package share

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/envctl/envctl/local/docker/untar"
)

// Fetch copies what is in the folder to root; see [untar.Extract] for what is
// refused and what comes out. A share has no links and no modes: files come with
// 0644. Without the folder nothing comes.
func (f Folder) Fetch(ctx context.Context, root *os.Root, limits untar.Limits) (untar.Summary, error) {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		tw := tar.NewWriter(w)
		err := f.write(ctx, tw, []string{f.Name})
		if err == nil {
			err = tw.Close()
		}
		written <- err
		_ = w.CloseWithError(err)
	}()
	sum, err := untar.Extract(r, root, limits)
	_ = r.CloseWithError(io.ErrClosedPipe)
	if cause := <-written; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		return sum, cause // what made the archive end in its middle
	}
	return sum, err
}

// write writes what is below a folder as a tar.
func (f Folder) write(ctx context.Context, tw *tar.Writer, path []string) error {
	for marker := ""; ; {
		p, err := f.list(ctx, path, marker)
		if err != nil {
			return ignoreMissing(err)
		}
		all, err := p.entries()
		if err != nil {
			return err
		}
		for _, e := range all {
			below := append(path[:len(path):len(path)], e.Name.Text)
			if e.folder {
				err = f.writeFolder(ctx, tw, below)
			} else {
				err = f.writeFile(ctx, tw, below)
			}
			if err != nil {
				return err
			}
		}
		if p.Next == "" {
			return nil
		}
		if p.Next == marker || len(all) == 0 {
			return fmt.Errorf("the list of %q does not end", strings.Join(path, "/"))
		}
		marker = p.Next
	}
}

// deepest is how many folders a path of a share has at most.
const deepest = 250

func (f Folder) writeFolder(ctx context.Context, tw *tar.Writer, path []string) error {
	if len(path) > deepest {
		return fmt.Errorf("%w: there are more than %d folders in one another, which no file share holds", untar.ErrHostile, deepest)
	}
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.Join(path, "/") + "/", Mode: 0o755}); err != nil {
		return err
	}
	return f.write(ctx, tw, path)
}

// tries is how often a file is asked for whose answer breaks off.
const tries = 4

// writeFile writes one file; an answer that breaks off is gone on with from there.
func (f Folder) writeFile(ctx context.Context, tw *tar.Writer, path []string) error {
	name := strings.Join(path, "/")
	answer, err := f.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	size, tag := answer.ContentLength, answer.Header.Get("ETag")
	modified, _ := http.ParseTime(answer.Header.Get("Last-Modified"))
	if size < 0 {
		answer.Body.Close()
		return fmt.Errorf("the size of %q is not told", name)
	}
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: modified.Truncate(time.Second)}); err != nil {
		answer.Body.Close()
		return err
	}
	var done int64
	for try := 1; ; try++ {
		n, err := io.Copy(writer{tw}, answer.Body)
		done += n
		answer.Body.Close()
		var ours *writeError
		switch {
		case errors.As(err, &ours):
			return ours.error
		case done == size && err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case try == tries:
			return fmt.Errorf("%q broke off after %d of %d bytes: %w", name, done, size, errors.Join(err, io.ErrUnexpectedEOF))
		}
		header := http.Header{"X-Ms-Range": {fmt.Sprintf("bytes=%d-", done)}}
		if answer, err = f.do(ctx, http.MethodGet, path, nil, header); err != nil {
			return err
		}
		if answer.Header.Get("ETag") != tag || answer.StatusCode != http.StatusPartialContent {
			answer.Body.Close()
			return fmt.Errorf("%q was changed while it was brought back", name)
		}
	}
}

// writer tells what could not be written from what could not be read.
type writer struct{ to io.Writer }

type writeError struct{ error }

func (w writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil {
		return n, &writeError{err}
	}
	return n, nil
}
