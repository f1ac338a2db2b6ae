package docker

import "testing"

func TestPullReason(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]PullReason{
		`Get "https://registry.invalid/v2/": dial tcp: lookup registry.invalid on 10.0.0.1:53: no such host`:                      PullNoSuchHost,
		`Get "https://r/v2/": dial tcp: lookup r: Temporary failure in name resolution`:                                           PullNoSuchHost,
		`dial tcp 127.0.0.1:1: connect: connection refused`:                                                                       PullUnreachable,
		`pull access denied for x/y, repository does not exist or may require 'docker login': denied: requested access is denied`: PullUnauthorized,
		`Head "https://ghcr.io/v2/x/manifests/1": unauthorized`:                                                                   PullUnauthorized,
		`manifest for busybox:none not found: manifest unknown: manifest unknown`:                                                 PullNotFound,
		`no matching manifest for linux/arm64/v8 in the manifest list entries`:                                                    PullNoPlatform,
		`toomanyrequests: You have reached your pull rate limit.`:                                                                 PullLimited,
		`Get "https://r/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting)`:   PullUnreachable,
		`docker.io/library/x:1: not found`:                                                                                        PullNotFound,
		`something else`:                                                                                                          PullOther,
	} {
		if got := pullReason(message); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}

func TestPullProblem(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{
		"[internal] load metadata for docker.io/library/golang:1": "docker.io/library/golang:1",
		"resolve image config for docker.io/docker/dockerfile:1":  "docker.io/docker/dockerfile:1",
		"docker-image://docker.io/docker/dockerfile:1":            "docker.io/docker/dockerfile:1",
		"[1/3] FROM docker.io/library/golang:1@sha256:abc":        "docker.io/library/golang:1@sha256:abc",
		"[linux/amd64 build 1/3] FROM docker.io/library/golang:1": "docker.io/library/golang:1",
		"[2/3] RUN echo FROM x":                                   "",
		"":                                                        "",
	} {
		if ref, _, ok := pullProblem(step, ""); ref != want || ok != (want != "") {
			t.Errorf("%s: %q %v", step, ref, ok)
		}
	}
}

func TestLoadedRef(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"Loaded image: a:1\n":                    "a:1",
		"Loaded image: a:1\nLoaded image: b:1\n": "b:1",
		"Loaded image ID: sha256:abc\n":          "sha256:abc",
		"nothing":                                "",
	} {
		if got := loadedRef(said); got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}
