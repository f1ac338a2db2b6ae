package binary_test

import (
	"testing"

	"github.com/envctl/envctl/carry/carrytest"
	"github.com/envctl/envctl/components/azure/steward/binary"
)

const steward = ".." // components/azure/steward

func TestProgramsAreOfThisSource(t *testing.T) {
	t.Parallel()
	carrytest.OfThisSource(t, binary.Programs(), steward)
}

func TestProgramsCanBeBuiltAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the steward for two architectures")
	}
	t.Parallel()
	carrytest.BuiltAgain(t, binary.Programs(), steward)
}

// A program from scratch has no file of trusted roots, so it has them inside.
func TestProgramsAreSmallAndNeedNoFiles(t *testing.T) {
	t.Parallel()
	const most = 8_000_000
	carrytest.SmallAndStatic(t, binary.Programs(), most, "golang.org/x/crypto/x509roots/fallback")
}
