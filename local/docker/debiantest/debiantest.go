// Package debiantest makes images of Debian's packages for tests, which programs that
// nobody here wrote run in.
package debiantest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// Recipe is an image. It stays on the engine, for making it takes a minute: another
// recipe needs another name.
type Recipe struct {
	Tag      string
	Packages []string // of Debian 12, which are installed
	// Parts are files of packages that are too large to be installed: patterns of tar.
	Parts map[string][]string
	NPM   []string // packages of npm, as NAME@VERSION, in /node_modules
}

// making keeps two tests of one program from making an image at once.
var making sync.Mutex

// Image makes sure that the engine has an image. It takes root, debootstrap, a mirror
// of Debian and, for packages of npm, npm with its registry: without them the test is
// skipped, and in CI, which has them, it fails. An engine of DOCKER_HOST may stand
// where there is no way to a mirror: it gets the image from this machine's own engine, or
// the test is skipped.
func Image(t *testing.T, engine *docker.Engine, r Recipe) {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	if _, ok, err := engine.ResolveImage(t.Context(), r.Tag); err != nil {
		t.Fatal(err)
	} else if ok {
		return
	}
	if os.Getenv("DOCKER_HOST") != "" {
		copied(t, r.Tag)
		return
	}
	if os.Getuid() != 0 {
		dockertest.Cannot(t, "%s cannot be made: debootstrap takes root", r.Tag)
	}
	root := filepath.Join(t.TempDir(), "root")
	run(t, "debootstrap", "--variant=minbase", "--include="+strings.Join(r.Packages, ","), "bookworm", root)
	for name, patterns := range r.Parts {
		run(t, "chroot", append([]string{root, "sh", "-c", takeParts, "sh", name}, patterns...)...)
	}
	if len(r.NPM) > 0 {
		// No script of a package runs: these are programs of others, on this machine.
		run(t, "npm", append([]string{"install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", root}, r.NPM...)...)
	}
	script := `tar -C "$1" -c . | docker import -c 'CMD ["bash"]' - "$2"`
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", root, r.Tag).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
}

// copied takes an image from this machine's own engine, which the packages before were
// tested on.
func copied(t *testing.T, tag string) {
	t.Helper()
	const script = `set -o pipefail; docker -H unix:///var/run/docker.sock save "$1" | docker load`
	if out, err := exec.CommandContext(t.Context(), "bash", "-c", script, "bash", tag).CombinedOutput(); err != nil {
		t.Skipf("the engine of DOCKER_HOST has no %s, and may have no way to a mirror; this machine's own: %v\n%s", tag, err, out)
	}
}

// takeParts unpacks those files of the package $1 that the patterns after it name.
const takeParts = `set -e
name=$1; shift
cd /tmp
apt-get -q update
apt-get -q download "$name"
dpkg-deb --fsys-tarfile "$name"_*.deb | tar -C / -x --wildcards "$@"
rm -rf /tmp/*.deb /var/lib/apt/lists/* /var/cache/apt/*`

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		dockertest.Cannot(t, "%s: %v\n%s", name, err, out)
	}
}
