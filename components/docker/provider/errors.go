package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/lazyregexp"
)

// explain adds to an engine's error what it means for the user and how to mend
// it. The engine gives most of these the same status, so its text decides.
func explain(err error, host, doing string) error {
	if err == nil {
		return nil
	}
	msg := err.Error()
	hint := ""
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case client.IsErrConnectionFailed(err), strings.Contains(msg, "connection refused"), strings.Contains(msg, "EOF"):
		hint = fmt.Sprintf("the Docker engine at %s does not answer: start it (`sudo systemctl start docker`) or set DOCKER_HOST", host)
	case portTaken(msg) != "":
		hint = fmt.Sprintf("%s is in use by another program or container: free it, or choose another port", portTaken(msg))
	case strings.Contains(msg, "no space left on device"):
		hint = "the engine's disk is full: free space (`docker system df` shows what takes it) and run the command again"
	case strings.Contains(msg, "invalid reference format"):
		hint = "the image reference is not of the form NAME[:TAG][@sha256:DIGEST]"
	case strings.Contains(strings.ToLower(msg), "no such image"):
		hint = "the engine does not have the image: build or pull it first"
	case strings.Contains(msg, "could not find an available") && strings.Contains(msg, "address pool"),
		strings.Contains(msg, "all predefined address pools have been fully subnetted"):
		hint = "the engine has no free address range: remove networks that are not used (`docker network ls`)"
	case strings.Contains(msg, "permission denied") && strings.Contains(msg, "docker.sock"):
		hint = "this user may not use the engine's socket: join the group docker, or set DOCKER_HOST"
	case cerrdefs.IsNotFound(err) && strings.Contains(msg, "network"):
		hint = "the network is gone: run the command again, which makes it anew"
	}
	if hint == "" {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w\n%s", doing, err, hint)
}

var (
	bindFor  = lazyregexp.New(`(?:Bind for|bind host port|listen tcp4?|listen udp4?|exposing port \w+) (?:for )?([0-9a-fA-F.:\[\]]+:\d+)`)
	portOnly = lazyregexp.New(`port is already allocated|address already in use`)
)

// portTaken names the host port that an error says is in use; empty: none.
func portTaken(msg string) string {
	if !portOnly().MatchString(msg) {
		return ""
	}
	if m := bindFor().FindStringSubmatch(msg); m != nil {
		return "port " + m[1]
	}
	return "a port of the host"
}
