// Package binary carries the program of the gateway's container, prebuilt for
// each architecture of an engine, so that `go build ./cmd/envctl` alone makes a
// whole envctl.
//
// `go generate ./local/gateway/binary` builds them anew after a change of the
// packages serve, protocol or cmd/gateway; a test fails until that was done.
package binary

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/envctl/envctl/local/gateway/binary/manifest"
)

//go:generate go run ./generate

//go:embed manifest.json gateway-linux-amd64.gz gateway-linux-arm64.gz
var files embed.FS

// Program is one prebuilt program.
type Program struct {
	manifest.Program
	arch string
}

// ReadManifest returns the committed manifest.
func ReadManifest() (manifest.Manifest, error) {
	var m manifest.Manifest
	content, err := files.ReadFile("manifest.json")
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("manifest of the gateway's programs: %w", err)
	}
	return m, nil
}

// For returns the program for an architecture of Go.
func For(arch string) (Program, error) {
	m, err := ReadManifest()
	if err != nil {
		return Program{}, err
	}
	p, ok := m.Programs[arch]
	if !ok {
		return Program{}, fmt.Errorf("engine architecture %q: the gateway is built for amd64 and arm64 only: use an engine on one of these", arch)
	}
	return Program{Program: p, arch: arch}, nil
}

// Bytes returns the program itself, checked against its SHA-256.
func (p Program) Bytes() ([]byte, error) {
	name := manifest.FileName(p.arch)
	packed, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", name, err)
	}
	content := bytes.NewBuffer(make([]byte, 0, p.Size+bytes.MinRead))
	if _, err := io.Copy(content, io.LimitReader(reader, p.Size+1)); err != nil {
		return nil, fmt.Errorf("program %s: %w", name, err)
	}
	sum := sha256.Sum256(content.Bytes())
	if got := hex.EncodeToString(sum[:]); got != p.SHA256 {
		return nil, fmt.Errorf("program %s: SHA-256 %s, expected %s of the manifest: run go generate ./local/gateway/binary", name, got, p.SHA256)
	}
	return content.Bytes(), nil
}
