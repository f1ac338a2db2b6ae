// Command generate writes the programs and the manifest of the package binary.
// It is run by `go generate` in that package's folder.
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

	"github.com/envctl/envctl/local/gateway/binary/compile"
	"github.com/envctl/envctl/local/gateway/binary/manifest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	const gateway = ".." // local/gateway, from the folder of the package binary
	source, err := compile.Source(gateway)
	if err != nil {
		return err
	}
	record := manifest.Manifest{Go: runtime.Version(), Source: source, Programs: map[string]manifest.Program{}}
	for _, arch := range compile.Arches() {
		program, err := compile.Program(ctx, gateway, arch)
		if err != nil {
			return err
		}
		packed, err := pack(program)
		if err != nil {
			return err
		}
		if err := os.WriteFile(manifest.FileName(arch), packed, 0o644); err != nil {
			return err
		}
		sum := sha256.Sum256(program)
		record.Programs[arch] = manifest.Program{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(program))}
		fmt.Printf("%s: %d bytes, packed %d\n", arch, len(program), len(packed))
	}
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile("manifest.json", append(text, '\n'), 0o644)
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
