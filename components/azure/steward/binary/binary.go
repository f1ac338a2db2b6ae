// Package binary carries the steward's program, prebuilt for each architecture.
//
// `go generate ./components/azure/steward/binary` builds them anew after a change
// of the packages duty or cmd/steward; a test fails until that was done.
package binary

import (
	"embed"

	"github.com/envctl/envctl/carry"
)

//go:generate go run ../../../../carry/generate steward

//go:embed manifest.json steward-linux-amd64.gz steward-linux-arm64.gz
var files embed.FS

// Programs are the steward's.
func Programs() carry.Set {
	return carry.Set{Name: "steward", Files: files, Mend: "go generate ./components/azure/steward/binary"}
}
