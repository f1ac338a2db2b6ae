package provider

import (
	"fmt"
	"os"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// storage writes volumes and mounts into host.
func (in containerInputs) storage(host *container.HostConfig) error {
	for i, v := range in.Volumes {
		if v.FromContainer != "" {
			host.VolumesFrom = append(host.VolumesFrom, v.FromContainer+mode(v.ReadOnly))
			continue
		}
		source := orElse(v.VolumeName, v.HostPath)
		if source == "" || v.ContainerPath == "" {
			return &propertyError{fmt.Sprintf("volumes[%d]", i),
				"names no source or no place: expected containerPath with volumeName or hostPath, or fromContainer"}
		}
		host.Binds = append(host.Binds, source+":"+v.ContainerPath+mode(v.ReadOnly))
	}
	for i, m := range in.Mounts {
		out, err := m.spec()
		if err != nil {
			return &propertyError{fmt.Sprintf("mounts[%d]", i), err.Error()}
		}
		host.Mounts = append(host.Mounts, out)
	}
	return nil
}

func mode(readOnly bool) string {
	if readOnly {
		return ":ro"
	}
	return ":rw"
}

func (m mountInput) spec() (mount.Mount, error) {
	out := mount.Mount{Type: mount.Type(m.Type), Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
	switch out.Type {
	case mount.TypeBind, mount.TypeVolume, mount.TypeTmpfs:
	default:
		return out, fmt.Errorf("type %q is not supported, expected bind, volume or tmpfs", m.Type)
	}
	if b := m.BindOptions; b != nil {
		out.BindOptions = &mount.BindOptions{Propagation: mount.Propagation(b.Propagation)}
	}
	if t := m.TmpfsOptions; t != nil {
		out.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: t.SizeBytes, Mode: os.FileMode(t.Mode)}
	}
	if v := m.VolumeOptions; v != nil {
		out.VolumeOptions = &mount.VolumeOptions{NoCopy: v.NoCopy, Labels: labelMap(v.Labels), Subpath: v.Subpath}
		if v.DriverName != "" || len(v.DriverOptions) > 0 {
			out.VolumeOptions.DriverConfig = &mount.Driver{Name: v.DriverName, Options: v.DriverOptions}
		}
	}
	return out, nil
}
