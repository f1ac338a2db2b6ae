package dockerrun_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/oneshot"
)

// index is a package index by PEP 503 at an address that containers of the engine's
// own network reach.
type index struct {
	url    string
	mu     sync.Mutex
	files  map[string][]byte // name of a wheel → content
	asked  []string
	broken bool                                              // every file is another one than the index says
	other  func(w http.ResponseWriter, r *http.Request) bool // answers first, where it can
}

func newIndex(r rig) *index {
	r.Helper()
	found, err := r.engine.Client().NetworkInspect(r.Context(), "bridge", client.NetworkInspectOptions{})
	if err != nil || len(found.Network.IPAM.Config) == 0 {
		r.Fatalf("the engine's own network: %+v, %v", found, err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(hereIn(r, found.Network.IPAM.Config[0].Subnet), "0"))
	if err != nil {
		r.Fatal(err)
	}
	i := &index{url: "http://" + l.Addr().String() + "/simple", files: map[string][]byte{}}
	server := &http.Server{Handler: i}
	go func() { _ = server.Serve(l) }()
	r.Cleanup(func() { _ = server.Close() })
	return i
}

// hereIn is the address that this machine has on a network.
func hereIn(r rig, subnet netip.Prefix) string {
	r.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		r.Fatal(err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && subnet.Contains(p.Addr()) {
			return p.Addr().String()
		}
	}
	r.Skipf("this machine has no address in %s: the engine is elsewhere", subnet)
	return ""
}

func (i *index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked = append(i.asked, r.URL.Path)
	if i.other != nil && i.other(w, r) {
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/files/"); ok {
		content, found := i.files[name]
		if !found {
			http.NotFound(w, r)
			return
		}
		if i.broken {
			content = append(bytes.Clone(content), 0)
		}
		_, _ = w.Write(content)
		return
	}
	project := strings.Trim(strings.TrimPrefix(r.URL.Path, "/simple/"), "/")
	w.Header().Set("Content-Type", "text/html")
	for name, content := range i.files {
		if strings.HasPrefix(name, project+"-") {
			sum := sha256.Sum256(content)
			fmt.Fprintf(w, "<a href=\"/files/%s#sha256=%s\">%s</a>\n", name, hex.EncodeToString(sum[:]), name)
		}
	}
}

// add makes a wheel with one module.
func (i *index) add(name, version, source string, needs ...string) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	info := name + "-" + version + ".dist-info/"
	meta := "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"
	for _, n := range needs {
		meta += "Requires-Dist: " + n + "\n"
	}
	for _, f := range [][2]string{
		{name + ".py", source}, {info + "METADATA", meta},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", ""},
	} {
		w, _ := z.Create(f[0])
		_, _ = w.Write([]byte(f[1]))
	}
	_ = z.Close()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.files[name+"-"+version+"-py3-none-any.whl"] = b.Bytes()
}

// dropLayers removes the images that a test made.
func (r rig) dropLayers(ids ...string) {
	r.Helper()
	r.Cleanup(func() {
		for _, id := range ids {
			record, err := r.deps.Load(id)
			if err != nil || record.Lock == nil {
				continue
			}
			_, _ = r.engine.Sweep(nonstop(), map[string]string{"dev.envctl.lock": record.Report.Lock}, sweepAll)
		}
	})
}

func TestPackagesOfAScript(t *testing.T) { underEach(t, packagesOfAScript) }

func packagesOfAScript(t *testing.T, r rig) {
	i := newIndex(r)
	unique := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "")) + fmt.Sprint(len(r.dir)) // a layer of this test only
	i.add("words", "1.2", "word = 'hello "+unique+"'")
	i.add("words", "2.0", "word = 'too new'")
	i.add("greet", "0.1", "import words\ndef say(): print(words.word)", "words<2")
	r.deps.PyPI = i.url

	spec := oneshot.Spec{Image: pythonImage, File: r.file("main.py", `# /// script
# requires-python = ">=3.11"
# dependencies = ["greet"]
# ///
import greet
greet.say()
`)}
	res := r.fine(r.run(spec, ""))
	r.dropLayers(res.ID)
	if res.out != "hello "+unique+"\n" || res.Lock == "" || res.Isolation.Network != "none" {
		t.Errorf("%+v, stdout %q", res.Report, res.out)
	}
	record, err := r.deps.Load(res.ID)
	if err != nil || record.Lock == nil || len(record.Lock.Packages) != 2 || record.Lock.Packages[1].Version != "1.2" {
		t.Fatalf("lock %+v, %v", record.Lock, err)
	}

	// The next time nothing is asked for.
	asked := len(i.asked)
	second := r.fine(r.run(spec, ""))
	if len(i.asked) != asked || second.Lock != res.Lock || second.out != res.out {
		t.Errorf("the index was asked for %v", i.asked[asked:])
	}
	for _, id := range []string{res.ID, res.ID + "-lock", res.ID + "-install"} {
		r.gone(id)
	}

	// What the index has for the same versions is now another file: a repetition that
	// has to install anew fails, and does not take it.
	r.dropLayer(res.ID)
	i.broken = true
	again, err := oneshot.Again(t.Context(), r.deps, res.ID, "", nil, oneshot.Streams{})
	if err == nil || !strings.Contains(err.Error(), "HASH") {
		t.Errorf("%+v, %v: want an error about hashes", again, err)
	}
	i.broken = false
	again, err = oneshot.Again(t.Context(), r.deps, res.ID, "", nil, oneshot.Streams{})
	if err != nil || len(again.Differences) != 0 {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestPackagesThatCannotBeHad(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := newIndex(r)
	i.add("words", "1.0", "")
	r.deps.PyPI = i.url
	for _, row := range []struct {
		name, source, with, kind, says string
	}{
		{"no such package", "", "absent==1", "packages", "No matching distribution"},
		{"an address", "", "x @ http://192.0.2.1/x.whl", "usage", "no package with versions"},
		{"an option", "", "--index-url=http://192.0.2.1", "usage", "no package with versions"},
		{"another Python", "# /// script\n# requires-python = \">=4\"\n# dependencies = [\"words\"]\n# ///\n", "", "python", "requires Python"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			spec := python(row.source)
			if row.with != "" {
				spec.With = []string{row.with}
			}
			r := rig{t, r.engine, r.deps, r.dir, r.level}
			res := r.run(spec, "")
			if kind(res.failed) != row.kind || !strings.Contains(fmt.Sprint(res.failed), row.says) {
				t.Errorf("%v, want a %s error with %q", res.failed, row.kind, row.says)
			}
		})
	}
}

// What a build step runs can ask its index and cannot send it anything: the index of
// packages is a way in, no way out.
func TestAnIndexIsOnlyRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := newIndex(r)
	var methods []string
	i.other = func(_ http.ResponseWriter, q *http.Request) bool {
		methods = append(methods, q.Method+" "+q.URL.Path) // under i.mu
		return false
	}
	image, err := r.deps.Runner.Image(r.Context(), pythonImage)
	if err != nil {
		r.Fatal(err)
	}
	source := `
import os, urllib.request
for method, data in ("PUT", b"secret"), ("POST", b"secret"), ("DELETE", None), ("GET", b"secret"), ("GET", None):
    try:
        print(method, urllib.request.urlopen(urllib.request.Request(os.environ["INDEX"] + "/" + method, data, method=method)).status)
    except urllib.error.HTTPError as refused:
        print(method, refused.code)
`
	var out, errs bytes.Buffer
	ended, err := r.deps.Runner.Run(r.Context(), oneshot.Program{
		ID: "only-read-" + strings.ToLower(rand.Text()[:8]), Image: image, Command: []string{"python3"}, Args: []string{"-c", source},
		UID: 65532, CPU: 1, Memory: 256 << 20, Scratch: 1 << 20, Timeout: time.Minute,
		Index: &oneshot.Index{URL: i.url, Env: func(url string) []string { return []string{"INDEX=" + url} }},
	}, oneshot.Streams{Stdout: &out, Stderr: &errs})
	if want := "PUT 403\nPOST 403\nDELETE 403\nGET 403\nGET 200\n"; err != nil || ended.ExitCode != 0 || out.String() != want {
		r.Errorf("%v, exit status %d, %q, expected %q, %s", err, ended.ExitCode, &out, want, &errs)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(methods) != 1 || methods[0] != "GET /simple/GET" {
		r.Errorf("the index got %q", methods)
	}
}
