package box

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/envctl/envctl/local/box/frame"
	"github.com/envctl/envctl/local/docker/untar"
)

// MaxFile is the size of the largest file that is read or written in one call, in
// bytes.
const MaxFile = 8 * mib

// maxPath is the length of the longest path that the kernel takes, in bytes.
const maxPath = 4095

// place splits a path of a box into the folder that it has to stay in and the rest.
// A relative path is one in Work. The rest is "." for the folder itself.
func place(name string) (root, rest string, err error) {
	full := name
	if !path.IsAbs(full) {
		full = Work + "/" + full
	}
	wrong := func(why string) (string, string, error) {
		return "", "", &Error{
			What: fmt.Sprintf("path %q %s", name, why),
			Mend: "name a file in " + Work + ", as in " + Work + "/data.csv",
		}
	}
	switch {
	case name == "" || strings.ContainsRune(name, 0):
		return wrong("is no path")
	case len(name) > maxPath:
		name = name[:100] + "…"
		return wrong("is longer than a path can be")
	case path.Clean(full) != full:
		return wrong("is not in its shortest form: it has no ., .. or // in it, and no / at its end")
	}
	for _, root := range []string{Work, Temp} {
		if full == root {
			return root, ".", nil
		}
		if rest, ok := strings.CutPrefix(full, root+"/"); ok {
			return root, rest, nil
		}
	}
	return wrong("is not in " + Work + " or " + Temp)
}

// File is a part of a file of a box.
type File struct {
	Content []byte
	Size    int64 // of the whole
}

// Read returns limit bytes of a file from an offset on, at most MaxFile.
func (m *Manager) Read(ctx context.Context, id, name string, offset, limit int64) (File, error) {
	root, rest, err := place(name)
	if err != nil {
		return File{}, err
	}
	if offset < 0 || limit < 0 {
		return File{}, fmt.Errorf("offset %d and limit %d cannot be below 0", offset, limit)
	}
	if limit == 0 || limit > MaxFile {
		limit = MaxFile
	}
	out := &capped{most: limit}
	res, err := m.do(ctx, id, name, frame.Request{Op: frame.Read, Root: root, Path: rest, Offset: offset, Limit: limit}, nil, out)
	return File{Content: out.Bytes(), Size: res.Size}, err
}

// Write makes a file with its folders, or replaces it.
func (m *Manager) Write(ctx context.Context, id, name string, content []byte, executable bool) error {
	root, rest, err := place(name)
	if err != nil {
		return err
	}
	if rest == "." {
		return fmt.Errorf("%q is a folder: name a file in it", name)
	}
	if len(content) > MaxFile {
		return fmt.Errorf("%d bytes are too many for one file: %d are allowed", len(content), MaxFile)
	}
	r := frame.Request{Op: frame.Write, Root: root, Path: rest, Executable: executable}
	_, err = m.do(ctx, id, name, r, content, io.Discard)
	return err
}

// Fetch copies the files and folders of a folder of a box to a folder of this
// machine. See [untar.Extract] for what is copied and what is left out.
func (m *Manager) Fetch(ctx context.Context, id, from string, to *os.Root, limits untar.Limits) (untar.Summary, error) {
	root, rest, err := place(from)
	if err != nil {
		return untar.Summary{}, err
	}
	out, in := io.Pipe()
	asked := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, err := m.do(ctx, id, from, frame.Request{Op: frame.Tar, Root: root, Path: rest}, nil, in)
		_ = in.CloseWithError(err)
		asked <- err
	}()
	sum, err := untar.Extract(out, to, limits)
	if err == nil { // what follows the end of the archive
		_, _ = io.Copy(io.Discard, io.LimitReader(out, mib))
	} else {
		cancel()
	}
	_ = out.CloseWithError(io.ErrClosedPipe)
	if failed := <-asked; failed != nil && !errors.Is(failed, io.ErrClosedPipe) && ctx.Err() == nil {
		return sum, failed // the archive is not whole because of this
	}
	if err != nil {
		return sum, fmt.Errorf("bring %q back from box %q: %w", from, id, err)
	}
	return sum, nil
}

// do serves a request about a path.
func (m *Manager) do(ctx context.Context, id, name string, r frame.Request, payload []byte, out io.Writer) (frame.Result, error) {
	if _, err := m.Known(id); err != nil {
		return frame.Result{}, err
	}
	res, err := m.ask(ctx, id, r, payload, out, io.Discard, nil, ctx.Done())
	switch {
	case ctx.Err() != nil:
		return res, context.Cause(ctx)
	case err != nil:
		return res, err
	case res.NotFound:
		return res, &Error{What: fmt.Sprintf("there is no %q in box %q", name, id), Err: ErrNotFound, Mend: "look with exec: ls -la " + Work}
	case res.Error != "":
		return res, &Error{
			What: fmt.Sprintf("%q in box %q cannot be reached: %s", name, id, res.Error),
			Mend: "files are read and written in " + Work + " and " + Temp + ", and links that lead out of them are not followed",
		}
	}
	return res, nil
}

// capped takes no more than it was made for: what is read is limited on this side too.
type capped struct {
	bytes.Buffer
	most int64
}

func (c *capped) Write(p []byte) (int, error) {
	if int64(c.Len()+len(p)) > c.most {
		return 0, fmt.Errorf("the box sends more than the %d bytes that were asked for", c.most)
	}
	return c.Buffer.Write(p)
}
