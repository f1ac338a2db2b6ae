// Package binary carries the program of the gateway's container, prebuilt for
// each architecture of an engine.
//
// `go generate ./local/gateway/binary` builds them anew after a change of the
// packages serve, protocol or cmd/gateway; a test fails until that was done.
package binary

import (
	"embed"

	"github.com/envctl/envctl/carry"
)

//go:generate go run ../../../carry/generate gateway

//go:embed manifest.json gateway-linux-amd64.gz gateway-linux-arm64.gz
var files embed.FS

// Programs are the gateway's.
func Programs() carry.Set {
	return carry.Set{Name: "gateway", Files: files, Mend: "go generate ./local/gateway/binary"}
}

// For returns the program for an architecture of Go.
func For(arch string) (carry.Program, error) { return Programs().For(arch) }
