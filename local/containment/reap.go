package containment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/owner"
)

const (
	// folderPrefix begins the name of a run's folder, which the run's number follows.
	folderPrefix = "envctl-containment-"
	// ownerFile is whose the run is ([owner.Owner.String]).
	ownerFile = "owner"
)

// Remains are what a run left whose process was killed.
type Remains struct {
	Run   string // its number
	Owner string // the process
	Made  time.Time

	folder string // on this machine; empty: there is none
}

// Left lists what is left of runs: objects of the engine by their labels, and folders
// on this machine, which the namespace of a canary belongs to.
func Left(ctx context.Context, engine *docker.Engine) ([]Remains, error) {
	found, err := leftOnEngine(ctx, engine)
	if err != nil {
		return nil, err
	}
	for _, here := range leftHere() {
		if i := slices.IndexFunc(found, func(r Remains) bool { return r.Run == here.Run }); i >= 0 {
			found[i].folder = here.folder
			continue
		}
		found = append(found, here)
	}
	return found, nil
}

// Remove removes it all. What is gone already is no error.
func (r Remains) Remove(ctx context.Context, engine *docker.Engine) error {
	_, swept := engine.Sweep(ctx, map[string]string{labelExperiment: experiment, labelInstance: r.Run}, docker.SweepOptions{})
	_, untagged := engine.Untag(ctx, gateway.Repository(ownerOf(r.Run)))
	if r.folder == "" {
		return errors.Join(swept, untagged)
	}
	forgetCanary(ctx, r.Run)
	forgetMemory()
	return errors.Join(swept, untagged, os.RemoveAll(r.folder))
}

// reap removes what is left of runs.
func reap(ctx context.Context, engine *docker.Engine) error {
	left, err := Left(ctx, engine)
	for _, r := range left {
		err = errors.Join(err, r.Remove(ctx, engine))
	}
	return err
}

// runForm is the number of a run.
var runForm = regexp.MustCompile(`^[0-9a-f]{8}$`)

func leftOnEngine(ctx context.Context, engine *docker.Engine) ([]Remains, error) {
	filters := client.Filters{}.Add("label", labelExperiment+"="+experiment)
	containers, err := engine.Containers(ctx, docker.Filter{Labels: map[string]string{labelExperiment: experiment}})
	if err != nil {
		return nil, err
	}
	networks, err := engine.Client().NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	images, err := engine.Client().ImageList(ctx, client.ImageListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	var found []Remains
	note := func(labels map[string]string, made time.Time) {
		r := Remains{Run: labels[labelInstance], Owner: labels[owner.Label], Made: made}
		known := slices.ContainsFunc(found, func(other Remains) bool { return other.Run == r.Run })
		if !known && runForm.MatchString(r.Run) && owner.Gone(r.Owner) {
			found = append(found, r)
		}
	}
	for _, c := range containers {
		note(c.Labels, c.Created)
	}
	for _, n := range networks.Items {
		note(n.Labels, n.Created)
	}
	for _, i := range images.Items {
		note(i.Labels, time.Time{}) // what it says is when its content was made
	}
	return found, nil
}

// leftHere are the folders whose owner is gone. Others may write to the folder of
// temporary files too: only a folder of this user's counts.
func leftHere() []Remains {
	files, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*", ownerFile)) // the pattern is well formed
	var found []Remains
	for _, file := range files {
		folder := filepath.Dir(file)
		run, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(folder), folderPrefix), "-")
		info, err := os.Lstat(folder)
		if err != nil || !info.IsDir() || !runForm.MatchString(run) {
			continue
		}
		about, ok := info.Sys().(*syscall.Stat_t)
		text, err := os.ReadFile(file)
		if ok && int(about.Uid) == os.Geteuid() && err == nil && owner.Gone(string(text)) {
			found = append(found, Remains{Run: run, Owner: string(text), Made: info.ModTime(), folder: folder})
		}
	}
	return found
}
