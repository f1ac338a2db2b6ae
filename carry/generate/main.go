// Command generate writes the packed programs and the manifest that a package
// embeds. It is run by `go generate` in that package's folder, with the name of
// the program (compile.Specs) as its argument.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"github.com/envctl/envctl/carry"
	"github.com/envctl/envctl/carry/compile"
	"github.com/envctl/envctl/carry/image"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments, expected the name of one program", len(args))
	}
	spec, ok := compile.Specs()[args[0]]
	if !ok {
		return fmt.Errorf("there is no program %q", args[0])
	}
	const dir = ".." // from the folder of the package that embeds
	source, err := spec.Source(dir)
	if err != nil {
		return err
	}
	record := carry.Manifest{Go: runtime.Version(), Source: source, Programs: map[string]carry.Record{}}
	for _, arch := range compile.Arches() {
		program, err := spec.Program(ctx, dir, arch)
		if err != nil {
			return err
		}
		packed, err := pack(program)
		if err != nil {
			return err
		}
		if err := os.WriteFile(carry.FileName(spec.Name, arch), packed, 0o644); err != nil {
			return err
		}
		layer, err := image.DiffID(program, "/"+spec.Name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(program)
		record.Programs[arch] = carry.Record{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(program)), DiffID: layer}
		fmt.Printf("%s: %d bytes, packed %d\n", arch, len(program), len(packed))
	}
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(carry.ManifestFile, append(text, '\n'), 0o644)
}

func pack(program []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
