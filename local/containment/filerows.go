package containment

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/sandbox"
)

// files makes the attempts by files that are brought out, and by the working folder.
func (s *suite) files(ctx context.Context) error {
	for _, part := range []func(context.Context) error{s.workingFolder, s.imageTools, s.outputs, s.hostileArchive, s.linkRace} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// workingFolder starts in folders that may be left open by the runtime
// (CVE-2024-21626), and climbs from there to a file of the host.
func (s *suite) workingFolder(ctx context.Context) error {
	var details []string
	for _, fd := range []string{"3", "7", "8", "9"} {
		spec := s.sandboxed(sandbox.Job, s.world.inside, attempt.ModeClimb, filepath.Join(s.folder, "secret"))
		spec.Config.WorkingDir = "/proc/self/fd/" + fd
		ended, err := s.run(ctx, spec)
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil: // refused is as good
			details = append(details, fd+" refused")
		case strings.Contains(ended.out, s.secret):
			s.tell("working-folder", Escaped, "read a file of the host from descriptor "+fd, "")
			return nil
		default:
			details = append(details, fd+" inside")
		}
	}
	s.tell("working-folder", Blocked, strings.Join(details, ", "), "")
	return nil
}

// imageTools brings files into a sandbox whose image has tools that an engine may run
// to unpack them. What it shows depends on the engine: the counterpart sends a
// compressed archive, which envctl never does, and no engine that is current runs
// anything for it.
func (s *suite) imageTools(ctx context.Context) error {
	const name, folder = "image-tools", "/in"
	spec := s.sandboxed(sandbox.Job, s.world.inside, attempt.ModeTools)
	spec.Inputs = &docker.InputSpec{Path: folder, Write: func(w io.Writer) error {
		_, err := io.Copy(w, archive([]tar.Header{{Name: "data.tar.gz", Typeflag: tar.TypeReg}}))
		return err
	}}
	ended, err := s.run(ctx, spec)
	if err != nil {
		return err
	}
	if said := strings.TrimSpace(ended.out); said != "none" {
		s.tell(name, Escaped, said, "")
		return nil
	}
	ran, err := s.compressedIn(ctx)
	if err != nil {
		return err
	}
	if ran == "" {
		s.tell(name, Blocked, "nothing of the image ran; this engine runs nothing for a compressed archive either", "")
		return nil
	}
	s.tell(name, Blocked, "nothing of the image ran; for a compressed archive this engine does: "+ran, Seen)
	return nil
}

// compressedIn says what ran for archives that are compressed; "" where nothing did.
func (s *suite) compressedIn(ctx context.Context) (ran string, err error) {
	spec := s.bare("none", attempt.ModeTools)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err = io.Copy(zip, archive([]tar.Header{{Name: "data", Typeflag: tar.TypeReg}}))
	if err := errors.Join(err, zip.Close()); err != nil {
		return "", err
	}
	for _, content := range [][]byte{packed.Bytes(), []byte("\xfd7zXZ\x00 and nothing that can be unpacked")} {
		id, err := s.engine.Create(ctx, spec)
		if err != nil {
			return "", err
		}
		// An engine that cannot unpack it says so; what counts is what ran.
		_, _ = s.engine.Client().CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: "/home", Content: bytes.NewReader(content)})
		mark, err := s.engine.Client().ContainerStatPath(ctx, id, client.ContainerStatPathOptions{Path: attempt.ToolMark})
		if err == nil {
			ran = "it made " + mark.Stat.Name
		}
		if _, err := s.engine.Client().ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true}); err != nil {
			return "", err
		}
	}
	return ran, nil
}

// outputs brings hostile files out of a sandbox.
func (s *suite) outputs(ctx context.Context) error {
	const folder, name = "/out", "outputs"
	to, err := os.MkdirTemp(s.folder, "out-")
	if err != nil {
		return err
	}
	victim := filepath.Join(s.folder, "secret")
	spec := s.sandboxed(sandbox.Job, s.world.inside, attempt.ModeOutputs, folder, victim)
	spec.Outputs = &docker.OutputSpec{Path: folder, UID: user, GID: user, To: to}
	ended, err := s.run(ctx, spec)
	if err != nil {
		return err
	}
	if problem := hostileFiles(to, s.secret); problem != "" {
		s.tell(name, Escaped, problem, "")
		return nil
	}
	if content, err := os.ReadFile(filepath.Join(to, "honest")); err != nil || string(content) != "honest" {
		return fmt.Errorf("the honest file did not come out: %w; the probe said: %s", errors.Join(err, io.EOF), ended.out)
	}
	s.tell(name, Blocked, fmt.Sprintf("%d files came out, %d of other kinds did not", ended.Outputs.Files, ended.Outputs.Skipped), "")
	return nil
}

// hostileFiles says what is in a folder that must not be: anything but plain files
// and folders, special bits, or the secret.
func hostileFiles(dir, secret string) (problem string) {
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Mode()&(os.ModeSetuid|os.ModeSetgid|os.ModeSticky) != 0 {
			problem = fmt.Sprintf("%s came out as %s", d.Name(), info.Mode())
			return nil
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(secret)) {
			problem = d.Name() + " has a secret of the host"
		}
		return err
	})
	if err != nil {
		return err.Error()
	}
	return problem
}

// hostileArchive unpacks archives as no engine writes them.
func (s *suite) hostileArchive(context.Context) error {
	var details []string
	for name, entries := range map[string][]tar.Header{
		"parent":         {{Name: "out/../../secret", Typeflag: tar.TypeReg}},
		"absolute":       {{Name: filepath.Join(s.folder, "secret"), Typeflag: tar.TypeReg}},
		"through a link": {{Name: "out/a", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "out/a/secret", Typeflag: tar.TypeReg}},
		"hard link":      {{Name: "out/a", Typeflag: tar.TypeLink, Linkname: filepath.Join(s.folder, "secret")}, {Name: "out/a", Typeflag: tar.TypeReg}},
		"device":         {{Name: "out/a", Typeflag: tar.TypeBlock, Devmajor: 8}},
	} {
		to, err := os.MkdirTemp(s.folder, "archive-")
		if err != nil {
			return err
		}
		_, err = unpack(to, archive(entries))
		if content, readErr := os.ReadFile(filepath.Join(s.folder, "secret")); readErr != nil || string(content) != s.secret {
			s.tell("hostile-archive", Escaped, name+" wrote to a file outside", "")
			return nil
		}
		if problem := hostileFiles(to, s.secret); problem != "" {
			s.tell("hostile-archive", Escaped, name+": "+problem, "")
			return nil
		}
		if err != nil {
			details = append(details, name+" refused")
		} else {
			details = append(details, name+" left out")
		}
	}
	s.tell("hostile-archive", Blocked, strings.Join(slices.Sorted(slices.Values(details)), ", "), "")
	return nil
}

func unpack(dir string, content io.Reader) (untar.Summary, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return untar.Summary{}, err
	}
	defer root.Close()
	return untar.Extract(content, root, untar.Limits{})
}

// archive writes entries, every file with the same content.
func archive(entries []tar.Header) io.Reader {
	const content = "overwritten"
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range entries {
		h.Mode = 0o4755
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if w.WriteHeader(&h) == nil && h.Size > 0 { // into memory: only a bad header fails
			_, _ = io.WriteString(w, content)
		}
	}
	_ = w.Close()
	return &out
}

// linkRace swaps a folder for a link to the outside, again and again, while files
// are unpacked into it.
func (s *suite) linkRace(ctx context.Context) error {
	const while = 500 * time.Millisecond
	to, err := os.MkdirTemp(s.folder, "race-")
	if err != nil {
		return err
	}
	outside := filepath.Join(s.folder, "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		return err
	}
	racing, stop := context.WithTimeout(ctx, while)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		folder, link := filepath.Join(to, "a"), filepath.Join(to, "link")
		for racing.Err() == nil {
			_ = os.Symlink(outside, link)
			_ = os.RemoveAll(folder)
			_ = os.Rename(link, folder)
			_ = os.Remove(folder)
			_ = os.Mkdir(folder, 0o755)
		}
	}()
	tries := 0
	for ; racing.Err() == nil; tries++ {
		// An error is a race that was noticed.
		_, _ = unpack(to, archive([]tar.Header{{Name: "out/a", Typeflag: tar.TypeDir}, {Name: "out/a/f", Typeflag: tar.TypeReg}}))
	}
	<-done
	left, err := os.ReadDir(outside)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		s.tell("link-race", Escaped, fmt.Sprintf("%d files outside after %d tries", len(left), tries), "")
		return nil
	}
	s.tell("link-race", Blocked, fmt.Sprintf("nothing outside after %d tries", tries), "")
	return nil
}
