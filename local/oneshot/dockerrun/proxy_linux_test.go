package dockerrun_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/oneshot/dockerrun"
)

// outsider is a host of this machine with an address of its own that is neither
// private nor reserved, as hosts of the internet have it.
const outsider = "11.215.7.2"

// listenOutside makes a network namespace with the address and listens in it.
func listenOutside(t *testing.T, port string) net.Listener {
	t.Helper()
	if os.Getuid() != 0 {
		dockertest.Cannot(t, "network namespaces need root")
	}
	name := "envctl-run" + fmt.Sprint(os.Getpid())
	ip := func(args string) {
		t.Helper()
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			dockertest.Cannot(t, "ip %s: %v: %s", args, err, out)
		}
	}
	ip("netns add " + name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	ip("link add evr0 type veth peer name evr1 netns " + name)
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "evr0").Run() })
	ip("addr add 11.215.7.1/30 dev evr0")
	ip("link set evr0 up")
	ip("-n " + name + " addr add " + outsider + "/30 dev evr1")
	ip("-n " + name + " link set evr1 up")
	ip("-n " + name + " route add default via 11.215.7.1")

	type made struct {
		l   net.Listener
		err error
	}
	listening := make(chan made)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is in the other namespace and ends
		f, err := os.Open("/run/netns/" + name)
		if err == nil {
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		var m made
		if m.err = err; err == nil {
			m.l, m.err = net.Listen("tcp", outsider+":"+port)
		}
		listening <- m
	}()
	m := <-listening
	if m.err != nil {
		t.Fatal(m.err)
	}
	return m.l
}

// An index of the internet is reached through the proxy, and nothing else is.
func TestPackagesThroughTheProxy(t *testing.T) {
	r := newRig(t)
	l := listenOutside(t, "80")
	i := &index{files: map[string][]byte{}}
	i.add("words", "1.0", "word = 'from outside'")
	server := &http.Server{Handler: i}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	runner := &dockerrun.Runner{Connect: connected(r.engine), Hosts: []string{"index.example.com:" + outsider, "other.example.com:" + outsider}}
	r.deps.Runner = runner

	r.deps.PyPI = "http://index.example.com/simple"
	spec := python("import words\nprint(words.word)")
	spec.With = []string{"words"}
	res := r.fine(r.run(spec, ""))
	r.dropLayers(res.ID)
	if res.out != "from outside\n" {
		t.Errorf("stdout %q", res.out)
	}

	// The program of a build step tries more than its index.
	base, err := runner.Image(t.Context(), pythonImage)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	ended, err := runner.Run(t.Context(), oneshot.Program{
		ID: "20260101-000000-probes", Image: base, UID: 65532, CPU: 1, Memory: 256 << 20, Scratch: 16 << 20,
		Command: []string{"python3", "-c", `
import os, socket, urllib.request
for what, f in {
    "index": lambda: urllib.request.urlopen("http://index.example.com/simple/words/", timeout=5).read(),
    "other": lambda: urllib.request.urlopen("http://other.example.com/simple/words/", timeout=5).read(),
    "address": lambda: urllib.request.urlopen("http://11.215.7.2/simple/words/", timeout=5).read(),
    "straight": lambda: socket.create_connection(("11.215.7.2", 80), 3),
    "name": lambda: socket.getaddrinfo("index.example.com", 80),
}.items():
    try:
        f(); print(what, "reached")
    except OSError as e: print(what, "refused")
`}, Index: &oneshot.Index{URL: r.deps.PyPI, Env: func(string) []string { return nil }},
	}, oneshot.Streams{Stdout: &said, Stderr: &said})
	if err != nil || ended.ExitCode != 0 || said.String() != "index reached\nother refused\naddress refused\nstraight refused\nname refused\n" {
		t.Errorf("%+v, %v\n%s", ended, err, said.String())
	}
	r.gone("20260101-000000-probes")
}
