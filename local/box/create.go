package box

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/box/binary"
	"github.com/envctl/envctl/local/box/hold"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/sandbox"
)

const (
	// cleanTimeout bounds what must be done even when the context has ended.
	cleanTimeout = 30 * time.Second
	mib          = 1 << 20
	// maxScratch is the size of /tmp, which is memory too.
	maxScratch = 64 * mib
)

func workload(s Spec) plan.Workload {
	return plan.Workload{User: User, CPU: s.CPU, Memory: s.Memory, Scratch: min(s.Memory/4, maxScratch)}
}

// newID returns the name of a box: 8 characters, 40 bits by chance.
func newID() string { return "b-" + strings.ToLower(rand.Text()[:8]) }

func (m *Manager) labels(id string, expires time.Time) map[string]string {
	out := maps.Clone(m.Labels)
	if out == nil {
		out = map[string]string{}
	}
	out[LabelKind], out[LabelBox] = Kind, id
	out[LabelOwner], out[LabelExpires] = m.Owner, expires.UTC().Format(time.RFC3339)
	return out
}

// build makes a box's objects and starts it. When it fails, nothing is left.
func (m *Manager) build(ctx context.Context, id string, s Spec, expires time.Time) (err error) {
	labels := m.labels(id, expires)
	defer func() {
		if err != nil {
			err = errors.Join(err, m.sweep(ctx, id))
		}
	}()
	mounts, err := m.volumes(ctx, id, s, labels)
	if err != nil {
		return err
	}
	config := container.Config{
		Image: s.Image, Hostname: id, Labels: labels, WorkingDir: "/",
		Entrypoint: []string{hold.Path, hold.Wait, strconv.FormatInt(expires.Unix(), 10)}, Cmd: []string{},
		Env:         s.variables(),
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	var host container.HostConfig
	s.profile().Apply(&config, &host)
	host.Mounts = mounts
	_, err = m.Engine.Create(ctx, docker.RunSpec{Name: containerName(id), Config: config, HostConfig: host})
	if err != nil {
		return err
	}
	if err := m.start(ctx, id, s); err != nil {
		return err
	}
	return m.open(ctx, id, s)
}

// volumes makes and fills the volumes of a box, and returns where they are mounted.
func (m *Manager) volumes(ctx context.Context, id string, s Spec, labels map[string]string) ([]mount.Mount, error) {
	// A file system in memory is the only volume that every engine keeps to a size.
	size := fmt.Sprintf("size=%d,uid=%d,gid=%d,mode=0700,nosuid,nodev", s.storage(), User, User)
	work, err := m.volume(ctx, "envctl-"+id+"-work", Work, labels, map[string]string{"type": "tmpfs", "device": "tmpfs", "o": size})
	if err != nil {
		return nil, err
	}
	program, err := m.program(ctx)
	if err != nil {
		return nil, err
	}
	tools, err := m.filled(ctx, "envctl-"+id+"-hold", path.Dir(hold.Path), s.Image, labels, program)
	if err != nil || s.Services == nil || len(s.Services.Files) == 0 {
		return []mount.Mount{work, tools}, err
	}
	files, err := s.Services.archive()
	if err != nil {
		return nil, err
	}
	shared, err := m.filled(ctx, "envctl-"+id+"-services", s.Services.Folder, s.Image, labels, files)
	return []mount.Mount{work, tools, shared}, err
}

// volume makes a volume that programs of a box may write to.
func (m *Manager) volume(ctx context.Context, name, target string, labels, options map[string]string) (mount.Mount, error) {
	_, err := m.Engine.Client().VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Labels: labels, DriverOpts: options})
	if err != nil {
		err = fmt.Errorf("make volume %q of a box: %w", name, err)
	}
	return mount.Mount{Type: mount.TypeVolume, Source: name, Target: target, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}, err
}

// filled makes a volume that has what is in a tar and cannot be written to in the box.
func (m *Manager) filled(ctx context.Context, name, target, image string, labels map[string]string, archive []byte) (mount.Mount, error) {
	out, err := m.volume(ctx, name, target, labels, nil)
	if err != nil {
		return out, err
	}
	out.ReadOnly = true
	if err := m.Engine.FillVolume(ctx, image, labels, name, bytes.NewReader(archive)); err != nil {
		return out, fmt.Errorf("put files into volume %q of a box: %w", name, err)
	}
	return out, nil
}

func containerName(id string) string { return "envctl-" + id }

// start starts a box, once its hardening was seen to be what was asked for.
func (m *Manager) start(ctx context.Context, id string, s Spec) error {
	found, ok, err := m.Engine.Inspect(ctx, containerName(id))
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("the container of box %q was removed before it started", id))
	}
	if err := kept(s, found); err != nil {
		return err
	}
	if _, err := m.Engine.Client().ContainerStart(ctx, containerName(id), client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("start box %q: %w", id, err)
	}
	return nil
}

// kept compares what the engine made with the profile; the volumes of a box are the
// only ones that may be there.
func kept(s Spec, found container.InspectResponse) error {
	own := []string{Work, path.Dir(hold.Path)}
	if s.Services != nil && len(s.Services.Files) > 0 {
		own = append(own, s.Services.Folder)
	}
	for _, m := range found.Mounts {
		if !slices.Contains(own, m.Destination) {
			return &Error{
				What: fmt.Sprintf("image %q declares a volume at %q, which a box does not have", s.Ref, m.Destination),
				Mend: "use an image without VOLUME",
			}
		}
	}
	found.Mounts = nil
	if found.HostConfig != nil {
		host := *found.HostConfig
		host.Mounts = nil
		found.HostConfig = &host
	}
	if differences := sandbox.Verify(found, s.profile()); len(differences) > 0 {
		return &Error{
			What: fmt.Sprintf("the engine does not keep the hardening of a box: %v", differences),
			Mend: "envctl doctor says what the engine lacks",
		}
	}
	return nil
}

// archiveOf is hold as a tar.
func archiveOf(ctx context.Context, engine *docker.Engine) ([]byte, error) {
	arch, err := engine.Arch(ctx)
	if err != nil {
		return nil, err
	}
	program, err := binary.For(arch)
	if err != nil {
		return nil, err
	}
	content, err := program.Bytes()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path.Base(hold.Path), Mode: 0o555, Size: int64(len(content))})
	if err == nil {
		_, err = io.Copy(w, bytes.NewReader(content))
	}
	return out.Bytes(), errors.Join(err, w.Close())
}
