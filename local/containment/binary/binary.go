// Package binary carries the hostile program of the containment suite, prebuilt for
// each architecture of an engine, so that `envctl doctor --containment` needs
// nothing but the engine.
//
// `go generate ./local/containment/binary` builds it anew after a change of the
// packages attempt or cmd/probe; a test fails until that was done.
package binary

import (
	"embed"

	"github.com/envctl/envctl/carry"
)

//go:generate go run ../../../carry/generate probe

//go:embed manifest.json probe-linux-amd64.gz probe-linux-arm64.gz
var files embed.FS

// Programs are the probe's.
func Programs() carry.Set {
	return carry.Set{Name: "probe", Files: files, Mend: "go generate ./local/containment/binary"}
}
