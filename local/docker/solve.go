package docker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"github.com/envctl/envctl/local/docker/source"
)

// solvePlan is one request to BuildKit.
type solvePlan struct {
	context, dockerfile fsutil.FS
	dockerfilePath      string // for messages
	sharedKey           string // the engine keeps what it got of a context under this key
	options             client.ImageBuildOptions
}

func recipeSolve(r BuildRequest, recipe source.Recipe) (solvePlan, error) {
	plan := solvePlan{dockerfilePath: recipe.DockerfilePath(), sharedKey: sharedKey(r.Context)}
	var err error
	if plan.context, err = recipe.ContextFS(); err != nil {
		return solvePlan{}, err
	}
	if plan.dockerfile, err = recipe.DockerfileFS(); err != nil {
		return solvePlan{}, err
	}
	args := map[string]*string{}
	for name, value := range r.Args {
		args[name] = &value
	}
	plan.options = client.ImageBuildOptions{
		Dockerfile: filepath.Base(plan.dockerfilePath),
		Target:     r.Target, BuildArgs: args, Labels: r.Labels, NoCache: r.NoCache,
	}
	if r.Tag != "" {
		plan.options.Tags = []string{r.Tag}
	}
	return plan, nil
}

// sharedKey is the same for every build of one folder on one machine, so only
// what changed since the last build is sent.
func sharedKey(contextDir string) string {
	host, _ := os.Hostname() // without a name the key still tells folders apart
	sum := sha256.Sum256([]byte("envctl\x00" + host + "\x00" + contextDir))
	return hex.EncodeToString(sum[:])
}

// solve runs one build and returns the image's ID.
func (e *Engine) solve(ctx context.Context, plan solvePlan, events func(BuildEvent)) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sess, err := session.NewSession(ctx, plan.sharedKey)
	if err != nil {
		return "", fmt.Errorf("open a build session: %w", err)
	}
	sess.Allow(filesync.NewFSSyncProvider(filesync.StaticDirSource{
		"context": plan.context, "dockerfile": plan.dockerfile,
	}, anonymousOwner))
	sess.Allow(&authServer{known: e.credentials()})
	served := make(chan struct{})
	go func() {
		defer close(served)
		err := sess.Run(ctx, func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/session", proto, meta)
		})
		if err != nil {
			cancel(fmt.Errorf("open a build session with the engine: %w", err))
		}
	}()
	defer func() { _ = sess.Close(); <-served }()

	plan.options.SessionID = sess.ID()
	plan.options.BuildID = rand.Text()
	plan.options.Version = build.BuilderBuildKit
	plan.options.RemoteContext = "client-session"
	plan.options.Remove = true
	id, err := e.follow(ctx, plan, events)
	if err != nil && ctx.Err() != nil {
		e.cancelBuild(ctx, plan.options.BuildID)
		return "", context.Cause(ctx)
	}
	return id, err
}

// anonymousOwner sends files as owned by 0:0, so that the cache does not depend
// on who builds.
func anonymousOwner(_ string, opt *fsutil.FilterOpt) error {
	opt.Map = func(_ string, stat *types.Stat) fsutil.MapResult {
		stat.Uid, stat.Gid = 0, 0
		return fsutil.MapResultKeep
	}
	return nil
}

// cancelBuild tells the engine to stop what it builds. A dropped connection
// does so too, later.
func (e *Engine) cancelBuild(ctx context.Context, buildID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_, _ = e.api.BuildCancel(ctx, buildID, client.BuildCancelOptions{}) // gone already is as good
}

func (e *Engine) follow(ctx context.Context, plan solvePlan, events func(BuildEvent)) (string, error) {
	answer, err := e.api.ImageBuild(ctx, nil, plan.options)
	if err != nil {
		return "", fmt.Errorf("start the build: %w", err)
	}
	defer answer.Body.Close()
	p := newProgress(events)
	id, failure, err := p.read(answer.Body)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", fmt.Errorf("read the build's progress: %w", err)
	case failure != "":
		return "", p.failed(plan, failure)
	case id == "":
		return "", errors.New("the engine ended the build without an image and without an error; look at the engine's log")
	}
	return id, nil
}
