package dockerrun_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/oneshot"
)

// nodeImage is the Python image with the Node and npm of this machine.
const nodeImage = "envctl-test/node:here"

// withNode makes sure that the engine has the image, or skips the test where this
// machine has no Node that fits.
func withNode(r rig) {
	r.Helper()
	if _, ok, err := r.engine.ResolveImage(r.Context(), nodeImage); err != nil {
		r.Fatal(err)
	} else if ok {
		return
	}
	node, err := exec.LookPath("node")
	npm := ""
	if err == nil {
		npm, err = exec.LookPath("npm")
	}
	if err == nil {
		npm, err = filepath.EvalSymlinks(npm) // …/npm/bin/npm-cli.js
	}
	if err != nil {
		r.Skip("this machine has no Node: ", err)
	}
	home := filepath.Dir(filepath.Dir(npm))
	made, err := r.engine.AddLayer(r.Context(), docker.LayerSpec{Base: pythonImage, Tag: nodeImage, Write: func(w io.Writer) error {
		tw := tar.NewWriter(w)
		add := func(from, to string) error {
			data, err := os.ReadFile(from)
			if err == nil {
				err = tw.WriteHeader(&tar.Header{Name: to, Mode: 0o755, Size: int64(len(data))})
			}
			if err == nil {
				_, err = tw.Write(data)
			}
			return err
		}
		if err := add(node, "usr/bin/node"); err != nil {
			return err
		}
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/bin/npm", Linkname: "../lib/npm/bin/npm-cli.js"}); err != nil {
			return err
		}
		err := filepath.WalkDir(home, func(file string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			rel, err := filepath.Rel(home, file)
			if err != nil {
				return err
			}
			return add(file, "usr/lib/npm/"+rel)
		})
		if err != nil {
			return err
		}
		return tw.Close()
	}})
	if err != nil {
		r.Fatal(err)
	}
	check := r.run(oneshot.Spec{Image: made.ID, Args: []string{"sh", "-c", "node --version && npm --version"}}, "")
	if check.failed != nil || check.ExitCode != 0 {
		r.Skipf("this machine's Node does not run in the image: %v %s", check.failed, check.err)
	}
}

// npmRegistry is a registry with one package, whose installation would run a script.
func npmRegistry(r rig) *index {
	r.Helper()
	i := newIndex(r)
	i.url = strings.TrimSuffix(i.url, "/simple") + "/"
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	tw := tar.NewWriter(z)
	for _, f := range [][2]string{
		{"package/package.json", `{"name":"words","version":"1.0.0","main":"i.js","scripts":{"install":"touch /out/ran && echo ran > i.js"}}`},
		{"package/i.js", "module.exports = 'from the registry'"},
	} {
		_ = tw.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1]))})
		_, _ = tw.Write([]byte(f[1]))
	}
	_, _ = tw.Close(), z.Close()
	sum := sha512.Sum512(b.Bytes())
	i.other = func(w http.ResponseWriter, q *http.Request) bool {
		switch q.URL.Path {
		case "/words":
			fmt.Fprintf(w, `{"name":"words","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"words","version":"1.0.0","main":"i.js","hasInstallScript":true,
				"dist":{"tarball":"http://%s/words/-/words-1.0.0.tgz","integrity":"sha512-%s"}}}}`, q.Host, base64.StdEncoding.EncodeToString(sum[:]))
		case "/words/-/words-1.0.0.tgz":
			_, _ = w.Write(b.Bytes())
		default:
			return false
		}
		return true
	}
	return i
}

func TestPackagesOfNode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	withNode(r)
	i := npmRegistry(r)
	r.deps.NPM = i.url
	for name, source := range map[string]string{
		"main.cjs": "console.log(require('words'))", "main.mjs": "import words from 'words'\nconsole.log(words)",
	} {
		spec := oneshot.Spec{Image: nodeImage, File: r.file(name, source), With: []string{"words@^1"}}
		res := r.fine(r.run(spec, ""))
		r.dropLayers(res.ID)
		if res.out != "from the registry\n" {
			t.Errorf("%s: stdout %q, stderr %q", name, res.out, res.err)
		}
	}
}
