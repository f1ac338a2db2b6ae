package sandbox_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/envctl/envctl/local/sandbox"
)

func TestSubnetsAreFreeStableAndBounded(t *testing.T) {
	t.Parallel()
	var taken []netip.Prefix
	for i := range 512 {
		owner := fmt.Sprintf("exp-%d.default", i)
		got, ok := sandbox.Subnet(owner, taken)
		again, _ := sandbox.Subnet(owner, taken)
		if !ok || got != again || !sandbox.IsOurs(got) || got != got.Masked() {
			t.Fatalf("%d: %v, then %v, %v", i, got, again, ok)
		}
		for _, other := range taken {
			if got.Overlaps(other) {
				t.Fatalf("%d: %v overlaps %v", i, got, other)
			}
		}
		if g := sandbox.GatewayAddress(got); !got.Contains(g) || got.Contains(g.Next().Next()) {
			t.Fatalf("the gateway of %v is %v", got, g)
		}
		taken = append(taken, got)
	}
	if got, ok := sandbox.Subnet("one-more.default", taken); ok {
		t.Errorf("there is none left, and it gives %v", got)
	}
	if got, ok := sandbox.Subnet("a.default", []netip.Prefix{netip.MustParsePrefix("198.19.0.0/17")}); !ok || got.Addr().As4()[2] < 128 {
		t.Errorf("somebody has the lower half: %v, %v", got, ok)
	}
	if sandbox.IsOurs(netip.MustParsePrefix("172.18.0.0/16")) || sandbox.IsOurs(netip.MustParsePrefix("198.19.0.0/24")) {
		t.Error("a range of the engine's is taken for one of ours")
	}
}
