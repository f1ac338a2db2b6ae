// Package binary carries the program hold, which a box runs as its process 1,
// prebuilt for each architecture of an engine.
//
// `go generate ./local/box/binary` builds them anew after a change of the packages
// hold, frame or cmd/hold; a test fails until that was done.
package binary

import (
	"embed"

	"github.com/envctl/envctl/carry"
)

//go:generate go run ../../../carry/generate hold

//go:embed manifest.json hold-linux-amd64.gz hold-linux-arm64.gz
var files embed.FS

// Programs are those of hold.
func Programs() carry.Set {
	return carry.Set{Name: "hold", Files: files, Mend: "go generate ./local/box/binary"}
}

// For returns the program for an architecture of Go.
func For(arch string) (carry.Program, error) { return Programs().For(arch) }
