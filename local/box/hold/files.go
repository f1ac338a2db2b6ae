package hold

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/envctl/envctl/local/box/frame"
)

func failed(err error) frame.Result {
	text := err.Error()
	if len(text) > 1000 {
		text = text[:1000]
	}
	return frame.Result{Error: text, NotFound: errors.Is(err, fs.ErrNotExist)}
}

// open opens a regular file of a folder by its one name. A pipe or a device is
// refused instead of waited for, and a link too.
func open(folder *os.Root, name string) (*os.File, os.FileInfo, error) {
	before, err := folder.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if before.IsDir() {
		return nil, nil, fmt.Errorf("%s is a folder", name)
	}
	f, err := folder.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !os.SameFile(before, info):
		err = fmt.Errorf("%s is a link, or was replaced while it was opened", name)
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file but %s", name, info.Mode().Type())
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func read(r frame.Request, out io.Writer) (frame.Result, error) {
	at, err := reach(r.Root, r.Path, false)
	if err != nil {
		return frame.Result{}, err
	}
	defer at.close()
	f, info, err := open(at.folder, at.name)
	if err != nil {
		return frame.Result{}, err
	}
	defer f.Close()
	_, err = io.Copy(out, io.NewSectionReader(f, r.Offset, r.Limit))
	return frame.Result{Size: info.Size()}, err
}

// write makes a file, and the folders above it. One that is there is replaced in
// one step, and never written through: it may be a link.
func write(r frame.Request, content io.Reader) (frame.Result, error) {
	at, err := reach(r.Root, r.Path, true)
	if err != nil {
		return frame.Result{}, err
	}
	defer at.close()
	mode := os.FileMode(0o644)
	if r.Executable {
		mode = 0o755
	}
	part := fmt.Sprintf("%s.%d.part", at.name, os.Getpid())
	f, err := at.folder.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return frame.Result{}, err
	}
	n, err := io.CopyN(f, content, r.Payload)
	if err = errors.Join(err, f.Close()); err == nil {
		err = at.folder.Rename(part, at.name)
	}
	if err != nil {
		return frame.Result{}, errors.Join(err, at.folder.Remove(part))
	}
	return frame.Result{Size: n}, nil
}

// archive writes the files and folders of a folder as a tar; what is neither is
// named there without content, so that the host can say that it was left out. The
// program may change the folder meanwhile: a file is as long as its header says,
// cut or filled up with zeros.
func archive(r frame.Request, out io.Writer) (frame.Result, error) {
	at, err := reach(r.Root, r.Path, false)
	if err != nil {
		return frame.Result{}, err
	}
	defer at.close()
	folder, err := into(at.folder, at.name)
	if err != nil {
		return frame.Result{}, err
	}
	tw := tar.NewWriter(out)
	err = addFolder(tw, folder, "results")
	return frame.Result{}, errors.Join(err, tw.Close())
}

// addFolder adds a folder and what is in it, and closes it.
func addFolder(tw *tar.Writer, folder *os.Root, inside string) error {
	defer folder.Close()
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: inside + "/", Mode: 0o755}); err != nil {
		return err
	}
	entries, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		err := add(tw, folder, entry, path.Join(inside, entry.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // gone since it was listed
			return err
		}
	}
	return nil
}

func add(tw *tar.Writer, folder *os.Root, entry fs.DirEntry, inside string) error {
	switch {
	case entry.IsDir():
		next, err := into(folder, entry.Name())
		if err != nil {
			return err
		}
		return addFolder(tw, next, inside)
	case !entry.Type().IsRegular():
		return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: inside, Linkname: "-", Mode: 0o777})
	}
	f, info, err := open(folder, entry.Name())
	if err != nil {
		return err
	}
	defer f.Close()
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: inside, Size: info.Size(), Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(),
	}
	if err := tw.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.Copy(tw, io.LimitReader(f, header.Size))
	if err == nil && n < header.Size {
		_, err = io.CopyN(tw, zeros{}, header.Size-n)
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
