package runner

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker/untar"
)

// What a file share of the simulator keeps of one job at most.
const (
	keptFiles = 100_000
	keptBytes = 10 << 30
)

// keptVolume is the container's volume whose content is kept on this machine, the
// first of them; the zero value: it has none.
func keptVolume(c run.Container) run.Volume {
	for _, v := range c.Volumes {
		if v.Folder != "" {
			return v
		}
	}
	return run.Volume{}
}

// bringIn fills the volume of a job's container, which was not started yet, with
// what is kept of it.
func (r *Runner) bringIn(ctx context.Context, container string, v run.Volume, user int) error {
	if _, err := os.Stat(v.Folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	in, out := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := writeTar(out, v.Folder, user)
		written <- err
		_ = out.CloseWithError(err)
	}()
	_, err := r.engine.Client().CopyToContainer(ctx, container, client.CopyToContainerOptions{DestinationPath: v.Path, Content: in})
	_ = in.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	if source := <-written; source != nil && !errors.Is(source, io.ErrClosedPipe) {
		err = errors.Join(err, source)
	}
	return wrap("mount the file share of "+container, err)
}

// writeTar writes the files and folders below folder, which become the user's.
func writeTar(w io.Writer, folder string, user int) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	tw := tar.NewWriter(w)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, user, user, "", ""
		if err := tw.WriteHeader(h); err != nil || d.IsDir() {
			return err
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(tw, f)
		return err
	})
	return errors.Join(err, tw.Close())
}

// bringBack keeps what an execution that has ended left in its volume: once, since
// what is kept may be changed from then on. The caller has the execution's lock.
func (r *Runner) bringBack(ctx context.Context, s series, execution string) error {
	folder := s.main.Labels[labelFolder]
	mark := filepath.Join(r.dir, short(s.main.Labels[labelID]+"/"+execution)+".kept")
	if folder == "" {
		return nil
	}
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	next := folder + ".next"
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	limits := untar.Limits{Files: keptFiles, Bytes: keptBytes}
	if _, err := r.engine.CopyOut(ctx, s.main.ID, s.main.Labels[labelOutputs], next, limits); err != nil {
		return fmt.Errorf("keep the outputs of execution %s: %w", execution, err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.Rename(next, folder); err != nil {
		return err
	}
	return os.WriteFile(mark, nil, 0o600)
}
