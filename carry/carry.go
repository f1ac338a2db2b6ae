// Package carry reads the programs that envctl carries prebuilt, for each
// architecture that a container may run on, so that `go build ./cmd/envctl` alone
// makes a whole envctl. The packages that embed them are local/gateway/binary and
// components/azure/steward/binary; carry/generate writes what they embed.
package carry

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
)

// ManifestFile is the name of the manifest beside the packed programs.
const ManifestFile = "manifest.json"

// Manifest records what the programs were built from. It is kept beside them.
type Manifest struct {
	Go       string            `json:"go"`       // version of the toolchain, as runtime.Version
	Source   string            `json:"source"`   // hash of the source files, hexadecimal SHA-256
	Programs map[string]Record `json:"programs"` // by architecture of Go
}

// Record identifies one prebuilt program, unpacked.
type Record struct {
	SHA256 string `json:"sha256"` // hexadecimal
	Size   int64  `json:"size"`   // bytes
	// DiffID is the digest of a layer with the program alone, at /NAME, before it is
	// compressed (package image); empty in a manifest that nobody reads it of.
	DiffID string `json:"diffID,omitempty"`
}

// FileName returns the name of a packed program.
func FileName(program, arch string) string { return program + "-linux-" + arch + ".gz" }

// Set is one program for all architectures.
type Set struct {
	Name  string // of the program
	Files fs.FS  // the manifest and the packed programs
	Mend  string // the command that builds them anew
}

// Program is one prebuilt program.
type Program struct {
	Record
	set  Set
	arch string
}

// Manifest returns the committed manifest.
func (s Set) Manifest() (Manifest, error) {
	var m Manifest
	content, err := fs.ReadFile(s.Files, ManifestFile)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("manifest of the %s's programs: %w", s.Name, err)
	}
	return m, nil
}

// For returns the program for an architecture of Go.
func (s Set) For(arch string) (Program, error) {
	m, err := s.Manifest()
	if err != nil {
		return Program{}, err
	}
	r, ok := m.Programs[arch]
	if !ok {
		return Program{}, fmt.Errorf("engine architecture %q: the %s is built for amd64 and arm64 only: use an engine on one of these", arch, s.Name)
	}
	return Program{Record: r, set: s, arch: arch}, nil
}

// Packed returns the program as it is carried, packed by gzip, without a check.
func (p Program) Packed() ([]byte, error) {
	return fs.ReadFile(p.set.Files, FileName(p.set.Name, p.arch))
}

// Bytes returns the program itself, checked against its SHA-256.
func (p Program) Bytes() ([]byte, error) {
	name := FileName(p.set.Name, p.arch)
	packed, err := p.Packed()
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
		return nil, fmt.Errorf("program %s: SHA-256 %s, expected %s of the manifest: run %s", name, got, p.SHA256, p.set.Mend)
	}
	return content.Bytes(), nil
}
