package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/moby/moby/client"
)

// loadImage builds the program in src and gives it to the engine as an image, a
// root file system with that one static file.
func loadImage(ctx context.Context, engine *client.Client, image, src, tmp string) error {
	bin := filepath.Join(tmp, "program")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", bin, ".")
	build.Dir = src
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", src, err, out)
	}
	rootfs, err := tarOf(bin, "program")
	if err != nil {
		return err
	}
	res, err := engine.ImageImport(ctx, client.ImageImportSource{Source: rootfs, SourceName: "-"}, image,
		client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/program"]`}})
	if err != nil {
		return fmt.Errorf("importing %s: %w", image, err)
	}
	defer res.Close()
	// The engine is done when its progress ends.
	_, err = io.Copy(io.Discard, res)
	return err
}

func tarOf(file, name string) (io.Reader, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	return &buf, w.Close()
}
