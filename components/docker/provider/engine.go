package provider

import (
	"context"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/killed"
)

// The interfaces of the engine are cut by use; *client.Client satisfies all.
type (
	networkAPI interface {
		NetworkCreate(context.Context, string, client.NetworkCreateOptions) (client.NetworkCreateResult, error)
		NetworkInspect(context.Context, string, client.NetworkInspectOptions) (client.NetworkInspectResult, error)
		NetworkList(context.Context, client.NetworkListOptions) (client.NetworkListResult, error)
		NetworkRemove(context.Context, string, client.NetworkRemoveOptions) (client.NetworkRemoveResult, error)
		NetworkDisconnect(context.Context, string, client.NetworkDisconnectOptions) (client.NetworkDisconnectResult, error)
	}

	// attachedAPI is for the containers that hang on a network.
	attachedAPI interface {
		ContainerInspect(context.Context, string, client.ContainerInspectOptions) (client.ContainerInspectResult, error)
		ContainerRemove(context.Context, string, client.ContainerRemoveOptions) (client.ContainerRemoveResult, error)
	}

	volumeAPI interface {
		VolumeCreate(context.Context, client.VolumeCreateOptions) (client.VolumeCreateResult, error)
		VolumeInspect(context.Context, string, client.VolumeInspectOptions) (client.VolumeInspectResult, error)
		VolumeRemove(context.Context, string, client.VolumeRemoveOptions) (client.VolumeRemoveResult, error)
	}

	imageAPI interface {
		ImageInspect(context.Context, string, ...client.ImageInspectOption) (client.ImageInspectResult, error)
		ImageRemove(context.Context, string, client.ImageRemoveOptions) (client.ImageRemoveResult, error)
	}

	// containerAPI makes, runs and removes containers.
	containerAPI interface {
		ContainerCreate(context.Context, client.ContainerCreateOptions) (client.ContainerCreateResult, error)
		ContainerStart(context.Context, string, client.ContainerStartOptions) (client.ContainerStartResult, error)
		ContainerStop(context.Context, string, client.ContainerStopOptions) (client.ContainerStopResult, error)
		ContainerUnpause(context.Context, string, client.ContainerUnpauseOptions) (client.ContainerUnpauseResult, error)
		ContainerRemove(context.Context, string, client.ContainerRemoveOptions) (client.ContainerRemoveResult, error)
	}

	// containerStateAPI sees how a container is and changes what can be changed
	// while it runs.
	containerStateAPI interface {
		killed.API
		ContainerUpdate(context.Context, string, client.ContainerUpdateOptions) (client.ContainerUpdateResult, error)
		ContainerWait(context.Context, string, client.ContainerWaitOptions) client.ContainerWaitResult
		ContainerLogs(context.Context, string, client.ContainerLogsOptions) (client.ContainerLogsResult, error)
		NetworkConnect(context.Context, string, client.NetworkConnectOptions) (client.NetworkConnectResult, error)
	}
)
