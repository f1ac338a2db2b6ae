package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

func TestALookAtNothingLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	if names, err := s.Repositories(); len(names) > 0 || err != nil {
		t.Errorf("%v, %v", names, err)
	}
	if _, ok, err := s.Complete("a/b", "c"); ok || err != nil {
		t.Errorf("complete %v, %v", ok, err)
	}
	if empty, err := s.Collect(t.Context()); !empty || err != nil {
		t.Errorf("empty %v, %v", empty, err)
	}
	if err := s.RemoveInstance(t.Context(), "a", "default"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestATagThatIsPinnedNeverMoves(t *testing.T) {
	t.Parallel()
	s := open(t)
	one, two := newImage(t, "one", nil), newImage(t, "two", nil)
	for _, i := range []image{one, two} {
		i.blobs(t, s, "x/app")
	}
	// Many at once: one wins, the others are told.
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for n := range errs {
		wg.Go(func() {
			i := []image{one, two}[n%2]
			_, errs[n] = s.PinManifest(t.Context(), "x/app", "v1", "", i.manifest)
		})
	}
	wg.Wait()
	m, err := s.Resolve("x/app", "v1")
	if err != nil {
		t.Fatal(err)
	}
	for n, err := range errs {
		mine := []image{one, two}[n%2].digest
		var moved *registry.MovedError
		if won := mine == m.Digest; won != (err == nil) || !won && (!errors.As(err, &moved) || moved.Has != m.Digest || moved.Wants != mine) {
			t.Errorf("%s, where %s has the tag: %v", mine, m.Digest, err)
		}
	}
}

// Whatever part of an image is missing or cut, it is not complete, and putting it
// again mends it.
func TestCompleteSeesEveryDamage(t *testing.T) {
	t.Parallel()
	s := open(t)
	i := newImage(t, "one", nil)
	i.put(t, s, "x/app", "v1")
	complete := func() bool {
		t.Helper()
		_, ok, err := s.Complete("x/app", "v1")
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !complete() {
		t.Fatal("a whole image is not complete")
	}
	for _, name := range files(t, s) {
		if name == "lock" {
			continue
		}
		path := filepath.Join(s.Dir(), name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if complete() {
			t.Errorf("complete without %s", name)
		}
		i.put(t, s, "x/app", "v1")
		if !complete() {
			t.Fatalf("not complete after %s was put again", name)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			continue // its name is all that it says
		}
		if err := os.Truncate(path, 1); err != nil {
			t.Fatal(err)
		}
		if complete() {
			t.Errorf("complete with a cut %s", name)
		}
		i.put(t, s, "x/app", "v1")
		if !complete() {
			t.Fatalf("not complete after a cut %s was put again", name)
		}
	}
}

func TestCollectLeavesWhatIsUsed(t *testing.T) {
	t.Parallel()
	s := open(t)
	kept, gone := newImage(t, "kept", nil), newImage(t, "gone", nil)
	kept.put(t, s, "x/app", "default.1")
	kept.put(t, s, "x/app", "other.1")
	gone.put(t, s, "x/app", "default.2")
	receipt := newImage(t, "receipt", gone.descriptor())
	receipt.blobs(t, s, "x/app")
	if _, err := s.PutManifest(t.Context(), "x/app", receipt.digest.String(), "", receipt.manifest); err != nil {
		t.Fatal(err)
	}
	gone.put(t, s, "x2/app", "default.1") // another experiment, whose name begins alike
	if err := s.RemoveInstance(t.Context(), "x", "default"); err != nil {
		t.Fatal(err)
	}
	if empty, err := s.Collect(t.Context()); empty || err != nil {
		t.Fatalf("empty %v, %v", empty, err)
	}
	if _, ok, err := s.Complete("x/app", "other.1"); !ok || err != nil {
		t.Errorf("the other instance's image: %v, %v", ok, err)
	}
	if _, ok, err := s.Complete("x2/app", "default.1"); !ok || err != nil {
		t.Errorf("the other experiment's image: %v, %v", ok, err)
	}
	if _, err := s.Resolve("x/app", gone.digest.String()); !registry.IsNotFound(err) {
		t.Errorf("the image is still there: %v", err)
	}
	if has(t, s, receipt.digest.Encoded()) {
		t.Error("what refers to it is still there")
	}
	for _, r := range []struct{ experiment, instance string }{{"x", "other"}, {"x2", "default"}} {
		if err := s.RemoveInstance(t.Context(), r.experiment, r.instance); err != nil {
			t.Fatal(err)
		}
	}
	if empty, err := s.Collect(t.Context()); !empty || err != nil {
		t.Errorf("empty %v, %v; files %v", empty, err, files(t, s))
	}
	if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", files(t, s))
	}
}

// What a killed process left goes: temporary files and blobs without a manifest.
func TestCollectRemovesWhatAKillLeft(t *testing.T) {
	t.Parallel()
	s := open(t)
	i, half := newImage(t, "one", nil), newImage(t, "half", nil)
	i.put(t, s, "x/app", "v1")
	half.blobs(t, s, "x/app")
	half.blobs(t, s, "x/new")
	if err := os.WriteFile(filepath.Join(s.Dir(), "tmp", "123"), []byte("half a blo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scratch(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"tmp", "x/new", digest.FromBytes(half.layer).Encoded()} {
		if has(t, s, part) {
			t.Errorf("%s is left", part)
		}
	}
	if _, ok, err := s.Complete("x/app", "v1"); !ok || err != nil {
		t.Errorf("the whole image: %v, %v", ok, err)
	}
}

// Collect waits for who holds the store: what is written before its manifest stays.
func TestCollectWaitsForWriters(t *testing.T) {
	t.Parallel()
	s := open(t)
	release, err := s.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := newImage(t, "one", nil)
	i.blobs(t, s, "x/app")
	collected := make(chan error, 1)
	go func() {
		_, err := s.Collect(t.Context())
		collected <- err
	}()
	if _, err := s.PutManifest(t.Context(), "x/app", "v1", "", i.manifest); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-collected; err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Complete("x/app", "v1"); !ok || err != nil {
		t.Errorf("complete %v, %v", ok, err)
	}
}

// Writers and collectors at once, over a store that is removed again and again.
func TestWritersAndCollectorsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for round := range 15 {
				i := newImage(t, fmt.Sprint(n, round), nil)
				instance := fmt.Sprintf("i%d", n)
				release, err := s.Hold(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				i.put(t, s, "x/app", instance+".1")
				release()
				if _, ok, err := s.Complete("x/app", instance+".1"); !ok || err != nil {
					t.Errorf("round %d of %d: %v, %v", round, n, ok, err)
				}
				if err := s.RemoveInstance(t.Context(), "x", instance); err != nil {
					t.Error(err)
				}
				if _, err := s.Collect(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", files(t, s))
	}
}

// A file that may not grow is as good as a full disk, and needs no root.
func TestAFullDiskLeavesNoHalfBlob(t *testing.T) {
	s := open(t)
	i := newImage(t, "one", nil)
	i.put(t, s, "x/app", "v1")
	big := bytes.Repeat([]byte("x"), 2<<20)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.PutBlob(t.Context(), "x/app", bytes.NewReader(big), digest.FromBytes(big))
	web := serve(t, s, registry.Options{})
	status, _, said := web.ask("POST", "/v2/x/app/blobs/uploads/?digest="+digest.FromBytes(big).String(), big)
	if restore := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); restore != nil {
		t.Fatal(restore)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("a blob beyond the limit: %v", err)
	}
	if status != 507 || !strings.Contains(said, "disk is full") {
		t.Errorf("over HTTP: %d %s", status, said)
	}
	if has(t, s, digest.FromBytes(big).Encoded()) || has(t, s, "tmp/") {
		t.Errorf("left: %v", files(t, s))
	}
	if _, _, err := s.PutBlob(t.Context(), "x/app", bytes.NewReader(big), digest.FromBytes(big)); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if _, ok, err := s.Complete("x/app", "v1"); !ok || err != nil {
		t.Errorf("what was there: %v, %v", ok, err)
	}
}

func TestCopyTag(t *testing.T) {
	t.Parallel()
	s := open(t)
	i := newImage(t, "one", nil)
	i.put(t, s, "x/one", "v1")
	index := marshal(t, ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{*i.descriptor()}})
	if _, err := s.PutManifest(t.Context(), "x/one", "both", "", index); err != nil {
		t.Fatal(err)
	}
	d, ok, err := s.CopyTag(t.Context(), "x/one", "x/two", "both")
	if !ok || err != nil || d != digest.FromBytes(index) {
		t.Fatalf("%s, %v, %v", d, ok, err)
	}
	if _, ok, err := s.Complete("x/two", "both"); !ok || err != nil {
		t.Errorf("complete %v, %v", ok, err)
	}
	if _, ok, err := s.CopyTag(t.Context(), "x/one", "x/two", "none"); ok || err != nil {
		t.Errorf("a tag that is not there: %v, %v", ok, err)
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, name := range []string{"", "/", "..", "a/../b", "a//b", "A", "_tags", "a/_blobs", "a b", "a\x00", "a/", strings.Repeat("a", 256)} {
		if _, _, err := s.PutBlob(t.Context(), name, strings.NewReader("x"), ""); err == nil {
			t.Errorf("repository %q is taken", name)
		}
	}
	i := newImage(t, "one", nil)
	i.blobs(t, s, "x/app")
	for _, tag := range []string{"", ".", "..", "a/b", "../x", "-a", "a b", strings.Repeat("a", 129)} {
		if _, err := s.PutManifest(t.Context(), "x/app", tag, "", i.manifest); err == nil {
			t.Errorf("tag %q is taken", tag)
		}
	}
	for _, d := range []string{"sha256:", "sha256:../../etc", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:" + strings.Repeat("A", 64)} {
		if _, err := s.Resolve("x/app", d); err == nil || registry.IsNotFound(err) {
			t.Errorf("digest %q: %v", d, err)
		}
	}
	if got := files(t, s); slices.ContainsFunc(got, func(name string) bool { return strings.Contains(name, "..") }) {
		t.Errorf("files %v", got)
	}
}
