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
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
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

// folders are the paths of a run's own volumes.
func (s RunSpec) folders() []string {
	var out []string
	if s.Inputs != nil {
		out = append(out, s.Inputs.Path)
	}
	if s.Outputs != nil {
		out = append(out, s.Outputs.Path)
	}
	return out
}

// folderVolume is an anonymous volume for a folder of a run.
func folderVolume(folder string, labels map[string]string) (mount.Mount, error) {
	if !path.IsAbs(folder) || path.Clean(folder) != folder || folder == "/" {
		return mount.Mount{}, fmt.Errorf("folder %q of a run is not a clean absolute path below /", folder)
	}
	return mount.Mount{
		Type: mount.TypeVolume, Target: folder,
		VolumeOptions: &mount.VolumeOptions{Labels: labels, NoCopy: true},
	}, nil
}

// workshop is where a volume is mounted while its root is given to a user.
const workshop = "/.envctl-outputs"

// prepareOutputs gives the root of a container's outputs volume to the program's
// user, before the container starts. The engine has no call for that, and what
// it unpacks into a volume cannot change the volume's own root. So the volume is
// mounted one level down in a second container, which is never started and whose
// root file system can be written to; there its root is an entry like another.
func (e *Engine) prepareOutputs(ctx context.Context, id string, spec RunSpec) error {
	o := *spec.Outputs
	found, ok, err := e.Inspect(ctx, id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(found.Mounts, func(m container.MountPoint) bool { return m.Destination == o.Path })
	if !ok || i < 0 || found.Mounts[i].Name == "" {
		return fmt.Errorf("the engine at %s made no volume for the outputs folder %q", e.host, o.Path)
	}
	var archive bytes.Buffer
	tw := tar.NewWriter(&archive)
	err = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "volume/", Mode: outputMode, Uid: o.UID, Gid: o.GID})
	if err := errors.Join(err, tw.Close()); err != nil {
		return err
	}
	volume := mount.Mount{
		Type: mount.TypeVolume, Source: found.Mounts[i].Name, Target: workshop + "/volume",
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
	err = e.withIdle(ctx, spec.Config.Image, spec.Config.Labels, []mount.Mount{volume}, func(id string) error {
		_, err := e.api.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: workshop, Content: &archive})
		return err
	})
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
