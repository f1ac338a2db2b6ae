package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// GUID returns the next generated GUID: the same for the same seed and the same
// requests before.
func (s *State) GUID(seed int64) string {
	sum := s.next(seed)
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80 // version 4, RFC 4122
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Hex returns the next n generated hexadecimal digits, at most 64.
func (s *State) Hex(seed int64, n int) string {
	sum := s.next(seed)
	return hex.EncodeToString(sum[:])[:n]
}

func (s *State) next(seed int64) [32]byte {
	s.Serial++
	s.Changed()
	return sha256.Sum256(fmt.Appendf(nil, "armsim %d %d", seed, s.Serial))
}
