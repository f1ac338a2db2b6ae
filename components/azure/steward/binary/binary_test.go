package binary_test

import (
	"testing"

	"github.com/envctl/envctl/carry/carrytest"
	"github.com/envctl/envctl/components/azure/steward/binary"
)

// A program from scratch has no file of trusted roots, so it has them inside.
func TestPrograms(t *testing.T) {
	const most = 8_000_000
	carrytest.Programs(t, binary.Programs(), "..", most, "golang.org/x/crypto/x509roots/fallback")
}
