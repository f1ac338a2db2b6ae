package binary_test

import (
	"testing"

	"github.com/envctl/envctl/carry/carrytest"
	"github.com/envctl/envctl/local/box/binary"
)

func TestPrograms(t *testing.T) {
	const most = 3_500_000
	carrytest.Programs(t, binary.Programs(), "..", most, "github.com/hashicorp/yamux")
}
