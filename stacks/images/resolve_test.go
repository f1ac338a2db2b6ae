package images_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks/images"
)

// built is a workload that is built in its definition's folder.
func built() definition.Workload {
	return definition.Workload{Build: &definition.Build{Context: ".", Dockerfile: "Dockerfile"}}
}

func image(ref string) definition.Workload { return definition.Workload{Image: ref} }

func TestBuildOnceForEachSource(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.app("api", built())
	b.local("mine:dev", "one")
	b.app("other", image("mine:dev")) // pinned in a file of the build context, which is no source
	first := b.must()["api"]
	if b.count("") != 1 || first.Build == nil || first.Keep || first.Ref != b.images[first.Tag].ID {
		t.Fatalf("first: %v, %+v", b.changes, first)
	}
	hash := strings.TrimPrefix(first.Build.Source, "sha256:")
	if first.Tag != "envctl/exp.default/api:"+hash[:16] || b.built[0].Labels["owner"] != "exp" {
		t.Errorf("tag %q, labels %v", first.Tag, b.built[0].Labels)
	}
	if again := b.must()["api"]; b.count("") != 0 || !reflect.DeepEqual(again, first) {
		t.Errorf("unchanged: %v, %+v", b.changes, again)
	}
	b.write("data", "2")
	if changed := b.must()["api"]; b.count("build") != 1 || changed.Tag == first.Tag || changed.Ref == first.Ref {
		t.Errorf("changed: %v, %+v", b.changes, changed)
	}
	b.write("data", "1")
	if back := b.must()["api"]; b.count("") != 0 || back.Tag != first.Tag {
		t.Errorf("changed back: %v, %+v", b.changes, back)
	}
}

// More workloads than are resolved at once share one source.
func TestASharedSourceIsBuiltOnceAndTaggedForEach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 9 {
		b.app(fmt.Sprintf("app%d", i), built())
	}
	b.def.Jobs["job"] = definition.Job{Workload: built()}
	out := b.must()
	if b.count("build") != 1 || b.count("tag") != 9 || len(out) != 10 {
		t.Errorf("%d builds, %d tags, %d images", b.count("build"), b.count("tag"), len(out))
	}
	tags := map[string]bool{}
	for name, img := range out {
		tags[img.Tag] = true
		if img.Ref != out["job"].Ref || !strings.HasPrefix(img.Tag, "envctl/exp.default/"+name+":") {
			t.Errorf("%s: %+v", name, img)
		}
	}
	if len(tags) != 10 {
		t.Errorf("tags: %v", tags)
	}
}

func TestAFailedBuildNamesTheWorkload(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.buildErr = errors.New("step 2 failed")
	b.app("api", built())
	_, err := b.resolve()
	if !errors.Is(err, b.buildErr) || err.Error() != `image of "api": step 2 failed` {
		t.Errorf("%v", err)
	}
}

func TestWhatATagMeansIsPinned(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ref  string
		put  func(*bench) docker.Image
		want func(docker.Image) string
		keep bool // of the first run
	}{
		"from a registry": {"python:3.12", func(b *bench) docker.Image { return b.remote("python:3.12", "python", "one") },
			func(i docker.Image) string { return i.RepoDigests[0] }, false},
		"from a registry, here already": {"python:3.12", func(b *bench) docker.Image {
			img := b.remote("python:3.12", "python", "one")
			b.has(img)
			return img
		}, func(i docker.Image) string { return i.RepoDigests[0] }, true},
		"by the long name of Docker Hub": {"docker.io/library/python:3.12",
			func(b *bench) docker.Image { return b.remote("docker.io/library/python:3.12", "python", "one") },
			func(i docker.Image) string { return i.RepoDigests[0] }, false},
		"with a port": {"localhost:5000/team/app:v1",
			func(b *bench) docker.Image {
				return b.remote("localhost:5000/team/app:v1", "localhost:5000/team/app", "one")
			},
			func(i docker.Image) string { return i.RepoDigests[0] }, false},
		"without a tag": {"localhost:5000/app",
			func(b *bench) docker.Image { return b.remote("localhost:5000/app", "localhost:5000/app", "one") },
			func(i docker.Image) string { return i.RepoDigests[0] }, false},
		"that only this engine has": {"mine:dev", func(b *bench) docker.Image { return b.local("mine:dev", "one") },
			func(i docker.Image) string { return i.ID }, true},
		"tagged anew from another repository": {"mine:dev", func(b *bench) docker.Image {
			img := b.remote("python:3.12", "python", "one")
			img.Tags = append(img.Tags, "mine:dev")
			b.has(img)
			return img
		}, func(i docker.Image) string { return i.ID }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			want := tt.want(tt.put(b))
			b.app("api", image(tt.ref))
			first := b.must()["api"]
			if !reflect.DeepEqual(first, plan.Image{Ref: want, Keep: tt.keep}) {
				t.Errorf("first: %+v, want %s", first, want)
			}
			if err := plan.CheckRef(first.Ref); err != nil {
				t.Error(err)
			}
			if pin, ok := load(t, filepath.Join(b.dir, images.LockFile)).Pin(tt.ref); !ok || pin != want {
				t.Errorf("pinned %q, %v", pin, ok)
			}
			if !tt.keep {
				b.pulled = append(b.pulled, first.Ref) // as the record of an experiment does
			}
			if again := b.must()["api"]; !reflect.DeepEqual(again, first) || b.count("") != 0 {
				t.Errorf("again: %+v, %v", again, b.changes)
			}
			b.remote(tt.ref, "elsewhere", "two") // the tag moves
			b.images[tt.ref] = docker.Image{ID: id("two")}
			if moved := b.must()["api"]; moved.Ref != want || b.count("") != 0 {
				t.Errorf("after the tag moved: %+v, %v", moved, b.changes)
			}
		})
	}
}

// TestTheContainerdStore: it names a digest for every image, which is the image's
// ID, and forgets an image whose name a build gave to another.
func TestTheContainerdStore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const ref = "mine:dev"
	img := docker.Image{ID: id("one"), Tags: []string{ref}, RepoDigests: []string{"mine@" + id("one")}}
	b.has(img)
	b.app("api", image(ref))
	first := b.must()["api"]
	if !reflect.DeepEqual(first, plan.Image{Ref: img.ID, Keep: true}) {
		t.Errorf("first: %+v", first)
	}
	held := images.HeldRepository("exp.default") + ":" + strings.TrimPrefix(img.ID, "sha256:")[:16]
	if b.count("tag "+held) != 1 {
		t.Errorf("it has no second name: %v", b.changes)
	}
	img.Tags = []string{held}
	b.images = map[string]docker.Image{held: img, img.ID: img, ref: {ID: id("two")}} // the name moves
	b.changes = nil
	if moved := b.must()["api"]; !reflect.DeepEqual(moved, first) || len(b.changes) != 0 {
		t.Errorf("after the name moved: %+v, %v", moved, b.changes)
	}
}

func TestAPinnedImageThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	remote := b.remote("python:3.12", "python", "one")
	b.app("api", image("python:3.12"))
	b.write(images.LockFile, "python:3.12: "+remote.RepoDigests[0]+"\nmine:dev: "+id("gone")+"\n")
	out := b.must()["api"]
	if !slices.Equal(b.changes, []string{"pull " + remote.RepoDigests[0]}) || !reflect.DeepEqual(out, plan.Image{Ref: remote.RepoDigests[0]}) {
		t.Errorf("%v, %+v", b.changes, out)
	}
	b.app("other", image("mine:dev"))
	for _, b.dryRun = range []bool{false, true} {
		_, err := b.resolve()
		var missing *images.MissingError
		if !errors.As(err, &missing) || missing.Ref != "mine:dev" || missing.ID != id("gone") || !strings.Contains(missing.Hint(), "delete the line") {
			t.Errorf("dry run %t: %v", b.dryRun, err)
		}
	}
}

func TestADigestIsTakenAtItsWord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	remote := b.remote("python:3.12", "python", "one")
	local := b.local("mine:dev", "two")
	b.app("bare", image(remote.RepoDigests[0]))
	b.app("both", image(strings.Replace(remote.RepoDigests[0], "@", ":3.12@", 1)))
	b.app("id", image(local.ID))
	out := b.must()
	if out["bare"].Ref != remote.RepoDigests[0] || out["both"].Ref != remote.RepoDigests[0] || out["id"].Ref != local.ID || !out["id"].Keep {
		t.Errorf("%+v", out)
	}
	if _, err := os.Stat(filepath.Join(b.dir, images.LockFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a digest is pinned: %v", err)
	}
}

// An image that two apps share is pulled once, and belongs to the experiment for
// both of them, so that the next run finds nothing changed.
func TestAnImageThatAppsShare(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	remote := b.remote("python:3.12", "python", "one")
	for i := range 9 {
		b.app(fmt.Sprintf("app%d", i), image("python:3.12"))
	}
	first := b.must()
	if b.count("pull") != 1 {
		t.Errorf("pulled: %v", b.changes)
	}
	b.pulled = []string{remote.RepoDigests[0]}
	again := b.must()
	for name, img := range first {
		if img.Keep || !reflect.DeepEqual(img, again[name]) {
			t.Errorf("%s: %+v, then %+v", name, img, again[name])
		}
	}
}

func TestADryRunChangesNothingAndForetellsTheRest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	remote := b.remote("python:3.12", "python", "one")
	b.local("mine:dev", "two")
	b.write("extra", "x")
	b.app("api", built())
	b.app("web", image("python:3.12"))
	b.app("pinned", image(b.remote("redis:7", "redis", "three").RepoDigests[0]))
	extended := image("mine:dev")
	extended.Files = map[string]string{"extra": "/extra"}
	b.app("extended", extended)

	b.dryRun = true
	before := b.must()
	if b.count("") != 0 {
		t.Errorf("a dry run did %v", b.changes)
	}
	for name, img := range before {
		if err := plan.CheckRef(img.Ref); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(b.dir, images.LockFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dry run wrote the lock file: %v", err)
	}

	b.dryRun = false
	made := b.must()
	for name := range made {
		if before[name].Tag != made[name].Tag {
			t.Errorf("%s: foretold %q, made %q", name, before[name].Tag, made[name].Tag)
		}
	}
	b.pulled = []string{remote.RepoDigests[0], made["pinned"].Ref}
	b.dryRun = true
	if after := b.must(); !reflect.DeepEqual(after, made) {
		t.Errorf("a dry run after it foretells changes:\n%+v\n%+v", after, made)
	}
}

func TestFilesAreAddedByABuildOfOneLine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("extra", "x")
	remote, local := b.remote("python:3.12", "python", "one"), b.local("mine:dev", "two")
	b.images["mine:also"] = local
	nameless := docker.Image{ID: id("nameless")}
	b.images[nameless.ID] = nameless
	for ref, want := range map[string]string{
		"python:3.12": "FROM " + remote.RepoDigests[0] + "\n",
		"mine:dev":    "# " + local.ID + "\nFROM mine:dev\n", // a Dockerfile takes no image ID
		local.ID:      "# " + local.ID + "\nFROM mine:dev\n",
	} {
		w := image(ref)
		w.Files = map[string]string{"extra": "/extra"}
		b.app("api", w)
		out := b.must()["api"]
		raw, err := os.ReadFile(filepath.Join(out.Build.Context, out.Build.Dockerfile))
		if err != nil || string(raw) != want {
			t.Errorf("%s: %q, %v, %+v", ref, raw, err, out)
		}
		i := slices.IndexFunc(b.built, func(r docker.BuildRequest) bool { return r.Tag == out.Tag })
		if i < 0 || b.built[i].Context != out.Build.Context || len(b.built[i].Files) != 1 ||
			b.built[i].Files[filepath.Join(b.dir, "extra")] != "/extra" {
			t.Errorf("%s: built %+v", ref, b.built)
		}
	}
	w := image(nameless.ID)
	w.Files = map[string]string{"extra": "/extra"}
	b.app("api", w)
	if _, err := b.resolve(); err == nil || !strings.Contains(err.Error(), "docker tag") {
		t.Errorf("an image without a name: %v", err)
	}
}

// A name that the lock file pins to another image must not become the base.
func TestAMovedNameIsRefusedAsBase(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("extra", "x")
	old := b.local("mine:dev", "old")
	w := image("mine:dev")
	w.Files = map[string]string{"extra": "/extra"}
	b.app("api", w)
	b.must()
	now := b.local("mine:dev", "new")
	_, err := b.resolve()
	var moved *images.MovedError
	if !errors.As(err, &moved) || *moved != (images.MovedError{Ref: "mine:dev", Pinned: old.ID, Now: now.ID}) ||
		!strings.Contains(moved.Hint(), "tag the pinned image again") || b.count("") != 0 {
		t.Errorf("%v, did %v", err, b.changes)
	}
	if err := os.Remove(filepath.Join(b.dir, images.LockFile)); err != nil {
		t.Fatal(err)
	}
	if b.must(); b.count("build") != 1 {
		t.Errorf("the new base was pinned and not built upon: %v", b.changes)
	}
}

func TestEventsComeOneAtATime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := map[string]int{} // without a lock: the race detector watches
	b.events = func(workload string, _ docker.BuildEvent) { seen[workload]++ }
	for i := range 8 {
		name := fmt.Sprintf("app%d", i)
		b.remote(name+":1", name, name)
		b.app(name, image(name+":1"))
	}
	b.must()
	if len(seen) != 8 {
		t.Errorf("events of %v", seen)
	}
}

func FuzzLoadLock(f *testing.F) {
	for _, seed := range []string{
		"", "# a comment\n", "python:3.12: python@" + sumA + "\n", "mine:dev: " + sumB + "\r\n",
		"a: " + sumA + "\na: " + sumB + "\n", "<<<<<<< HEAD\n", "\xff\xfe", "a:b:c: x@" + sumA,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), images.LockFile)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		lock, err := images.LoadLock(path)
		if err != nil {
			var wrong *images.LockError
			if !errors.As(err, &wrong) || wrong.Line < 1 || wrong.Hint() == "" {
				t.Fatalf("%q: %v", content, err)
			}
			return
		}
		lock.Set("added:1", sumA)
		if err := lock.Save(); err != nil {
			t.Fatalf("%q cannot be written again: %v", content, err)
		}
		first, _ := os.ReadFile(path)
		again, err := images.LoadLock(path)
		if err != nil {
			t.Fatalf("%q was written as %q, which cannot be read: %v", content, first, err)
		}
		if pin, ok := again.Pin("added:1"); !ok || pin != sumA {
			t.Fatalf("%q lost a pin: %q", content, pin)
		}
	})
}
