package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/untar"
)

// outputMode is the permission of an outputs folder: its owner's only. It
// differs from the 0755 of a new volume, so that it shows whether it was set.
const outputMode = 0o700

// OutputSpec is a folder in a container that a program can write to, although
// the root file system is read-only and the program is not root, and that is
// brought back. It is an anonymous volume that is removed with the container.
type OutputSpec struct {
	Path     string // in the container, absolute, not /
	UID, GID int    // the program's user, who owns the folder
	To       string // folder on this machine; made when it is missing
	Limits   untar.Limits
}

func (o OutputSpec) mount(labels map[string]string) (mount.Mount, error) {
	if !path.IsAbs(o.Path) || path.Clean(o.Path) != o.Path || o.Path == "/" {
		return mount.Mount{}, fmt.Errorf("outputs folder %q is not a clean absolute path below /", o.Path)
	}
	return mount.Mount{
		Type: mount.TypeVolume, Target: o.Path,
		VolumeOptions: &mount.VolumeOptions{Labels: labels, NoCopy: true},
	}, nil
}

// prepareOutputs gives the volume's root to the program's user, before the
// container starts. The engine has no call for that, but unpacks a tar into a
// volume of a container whose root is read-only, and takes the owner and mode of
// the volume's root from an entry named "/" (one named "." it leaves out).
func (e *Engine) prepareOutputs(ctx context.Context, id string, o OutputSpec) error {
	var archive bytes.Buffer
	tw := tar.NewWriter(&archive)
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "/", Mode: outputMode, Uid: o.UID, Gid: o.GID})
	if err := errors.Join(err, tw.Close()); err != nil {
		return err
	}
	_, err = e.api.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: o.Path, Content: &archive})
	if err != nil {
		return fmt.Errorf("make the outputs folder %q writable: %w", o.Path, err)
	}
	stat, err := e.api.ContainerStatPath(ctx, id, client.ContainerStatPathOptions{Path: o.Path})
	if err != nil {
		return fmt.Errorf("look at the outputs folder %q: %w", o.Path, err)
	}
	if perm := stat.Stat.Mode.Perm(); perm != outputMode {
		return fmt.Errorf("the engine at %s leaves the outputs folder %q at mode %o, where %o was asked for; report it with its version",
			e.host, o.Path, perm, outputMode)
	}
	return nil
}

// CopyOut copies a folder of a container, running or not, to a folder on this
// machine, which is made when it is missing. See [untar.Extract] for what is
// copied and what is left out.
func (e *Engine) CopyOut(ctx context.Context, nameOrID, from, to string, limits untar.Limits) (_ untar.Summary, err error) {
	answer, err := e.api.CopyFromContainer(ctx, nameOrID, client.CopyFromContainerOptions{SourcePath: from})
	if cerrdefs.IsNotFound(err) {
		return untar.Summary{}, fmt.Errorf("there is no %q in container %q to bring back: %w", from, nameOrID, err)
	}
	if err != nil {
		return untar.Summary{}, fmt.Errorf("bring %q back from container %q: %w", from, nameOrID, err)
	}
	defer answer.Content.Close()
	if !answer.Stat.Mode.IsDir() {
		return untar.Summary{}, fmt.Errorf("%q in container %q is not a folder, so it is not brought back", from, nameOrID)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return untar.Summary{}, fmt.Errorf("make the folder for the outputs: %w", err)
	}
	root, err := os.OpenRoot(filepath.Clean(to))
	if err != nil {
		return untar.Summary{}, fmt.Errorf("open the folder for the outputs: %w", err)
	}
	defer root.Close()
	sum, err := untar.Extract(answer.Content, root, limits)
	if ctx.Err() != nil {
		return sum, context.Cause(ctx)
	}
	if err != nil {
		return sum, fmt.Errorf("bring %q back to %q: %w", from, to, err)
	}
	return sum, nil
}
