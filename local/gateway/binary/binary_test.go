package binary_test

import (
	"testing"

	"github.com/envctl/envctl/carry/carrytest"
	"github.com/envctl/envctl/local/gateway/binary"
)

const gateway = ".." // local/gateway

func TestProgramsAreOfThisSource(t *testing.T) {
	t.Parallel()
	carrytest.OfThisSource(t, binary.Programs(), gateway)
}

func TestProgramsCanBeBuiltAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the gateway for two architectures")
	}
	t.Parallel()
	carrytest.BuiltAgain(t, binary.Programs(), gateway)
}

func TestProgramsAreSmallAndOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	const most = 7_000_000
	carrytest.SmallAndStatic(t, binary.Programs(), most)
}
