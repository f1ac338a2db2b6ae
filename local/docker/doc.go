// Package docker is the Docker Engine as this machine offers it: where it is
// and why it cannot be reached, what it can do, and the operations that take
// more than one call of its API: building and pulling images, running one-shot
// containers, streaming logs and commands, and sweeping up by label.
//
// Plain create, inspect and remove calls are the API client's own; they are
// reached through [Engine.Client]. Nothing here starts a process, except the
// credential helpers that the user's docker config names.
//
// It works on Docker Engine 20.10 (API 1.41, classic image store) and later,
// with either image store and either cgroup version.
package docker
