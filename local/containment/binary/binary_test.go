package binary_test

import (
	"testing"

	"github.com/envctl/envctl/carry/carrytest"
	"github.com/envctl/envctl/local/containment/binary"
)

func TestPrograms(t *testing.T) {
	const most = 4_000_000
	carrytest.Programs(t, binary.Programs(), "..", most, "golang.org/x/sys")
}
