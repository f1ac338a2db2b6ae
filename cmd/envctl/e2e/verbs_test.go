package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/rogpeppe/go-internal/testscript"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
)

// world is what somebody beside envctl does to the engine.
type world struct {
	engine     *docker.Engine
	experiment string
	labels     map[string]string // of what is made, so that a sweep finds it
}

// engineVerbs are what scripts and tests call by name. COMPONENT is an app or
// gateway of the experiment, or a whole name.
var engineVerbs = map[string]func(context.Context, world, []string) (string, error){
	"image": func(ctx context.Context, w world, a []string) (string, error) {
		return "", buildImage(ctx, w.engine, a[0], a[1], w.labels)
	},
	"id": imageID,
	"tag": func(ctx context.Context, w world, a []string) (string, error) {
		return "", w.engine.Tag(ctx, a[0], a[1])
	},
	"rmi":        removeImage,
	"stop":       stop,
	"kill":       kill,
	"rm":         remove,
	"pause":      pause,
	"memory":     limitMemory,
	"disconnect": disconnect,
	"rmnetwork":  removeNetwork,
	"network":    createNetwork,
	"container":  createContainer,
	"show":       show,
	"address":    address,
}

func engineCommand(ts *testscript.TestScript, e *docker.Engine, neg bool, args []string) {
	if len(args) == 0 || engineVerbs[args[0]] == nil {
		ts.Fatalf("usage: engine VERB …, got %q", args)
	}
	name := ts.Getenv("NAME")
	w := world{engine: e, experiment: name, labels: map[string]string{labelTest: name}}
	rest := args[1:]
	switch args[0] {
	case "stop", "kill", "rm", "pause", "memory", "disconnect", "container", "show":
		rest = append([]string{w.container(rest[0])}, rest[1:]...)
	}
	out, err := engineVerbs[args[0]](context.Background(), w, rest)
	if neg != (err != nil) {
		ts.Fatalf("engine %q: %v", args, err)
	}
	if err == nil {
		_, err = io.WriteString(ts.Stdout(), out)
		ts.Check(err)
	}
}

// container is the name of a component of the default instance; a name with a dot
// is taken as it is.
func (w world) container(component string) string {
	if strings.Contains(component, ".") {
		return component
	}
	return target.ContainerName(w.experiment, "default", component)
}

func imageID(ctx context.Context, w world, a []string) (string, error) {
	img, ok, err := w.engine.ResolveImage(ctx, a[0])
	if err == nil && !ok {
		err = fmt.Errorf("no image %q", a[0])
	}
	return img.ID + "\n", err
}

func removeImage(ctx context.Context, w world, a []string) (string, error) {
	_, err := w.engine.Client().ImageRemove(ctx, a[0], client.ImageRemoveOptions{Force: true})
	return "", err
}

func stop(ctx context.Context, w world, a []string) (string, error) {
	at := 0
	_, err := w.engine.Client().ContainerStop(ctx, a[0], client.ContainerStopOptions{Timeout: &at})
	return "", err
}

func kill(ctx context.Context, w world, a []string) (string, error) {
	_, err := w.engine.Client().ContainerKill(ctx, a[0], client.ContainerKillOptions{Signal: "KILL"})
	return "", err
}

func remove(ctx context.Context, w world, a []string) (string, error) {
	_, err := w.engine.Client().ContainerRemove(ctx, a[0], client.ContainerRemoveOptions{Force: true})
	return "", err
}

func pause(ctx context.Context, w world, a []string) (string, error) {
	_, err := w.engine.Client().ContainerPause(ctx, a[0], client.ContainerPauseOptions{})
	return "", err
}

// limitMemory is `docker update --memory`: half of what a container of 512 MiB has.
func limitMemory(ctx context.Context, w world, a []string) (string, error) {
	const half = 256 << 20
	_, err := w.engine.Client().ContainerUpdate(ctx, a[0], client.ContainerUpdateOptions{
		Resources: &container.Resources{Memory: half, MemorySwap: half},
	})
	return "", err
}

func disconnect(ctx context.Context, w world, a []string) (string, error) {
	_, err := w.engine.Client().NetworkDisconnect(ctx, target.NetworkName(w.experiment, "default"),
		client.NetworkDisconnectOptions{Container: a[0], Force: true})
	return "", err
}

// removeNetwork removes the experiment's network with every container on it.
func removeNetwork(ctx context.Context, w world, _ []string) (string, error) {
	labels := target.Selector(w.experiment, "default")
	list, err := w.engine.Containers(ctx, docker.Filter{Labels: labels})
	for _, c := range list {
		_, rmErr := remove(ctx, w, []string{c.ID})
		err = errors.Join(err, rmErr)
	}
	if err != nil {
		return "", err
	}
	_, err = w.engine.Client().NetworkRemove(ctx, target.NetworkName(w.experiment, "default"), client.NetworkRemoveOptions{})
	return "", err
}

// createNetwork makes somebody's network of the experiment's network's name.
func createNetwork(ctx context.Context, w world, _ []string) (string, error) {
	made, err := w.engine.Client().NetworkCreate(ctx, target.NetworkName(w.experiment, "default"),
		client.NetworkCreateOptions{Driver: "bridge", Labels: w.labels})
	return made.ID + "\n", err
}

// createContainer makes somebody's container: NAME IMAGE.
func createContainer(ctx context.Context, w world, a []string) (string, error) {
	made, err := w.engine.Client().ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: a[0], Config: &container.Config{Image: a[1], Labels: w.labels}, NetworkingConfig: &network.NetworkingConfig{},
	})
	return made.ID + "\n", err
}

// address prints the address of a component on its experiment's network.
func address(ctx context.Context, w world, a []string) (string, error) {
	name := target.ContainerName(w.experiment, a[0], a[1])
	c, ok, err := w.engine.Inspect(ctx, name)
	if err != nil || !ok {
		return "", errors.Join(err, fmt.Errorf("no container %q", name))
	}
	return fmt.Sprintf("%q\n", c.NetworkSettings.Networks[target.NetworkName(w.experiment, a[0])].IPAddress.String()), nil
}

// show prints what the engine says of a container: ID, state and memory limit.
func show(ctx context.Context, w world, a []string) (string, error) {
	c, ok, err := w.engine.Inspect(ctx, a[0])
	if err != nil || !ok {
		return "", errors.Join(err, fmt.Errorf("no container %q", a[0]))
	}
	return fmt.Sprintf("%s %s %dMi\n", c.ID, c.State.Status, c.HostConfig.Memory>>20), nil
}
