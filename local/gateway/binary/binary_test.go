package binary_test

import (
	"testing"

	"github.com/envctl/envctl/carry/carrytest"
	"github.com/envctl/envctl/local/gateway/binary"
)

func TestPrograms(t *testing.T) {
	const most = 8_000_000 // 0.2 MB of it reads TLS handshakes
	carrytest.Programs(t, binary.Programs(), "..", most)
}
