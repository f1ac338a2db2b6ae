package azure

import (
	"strings"
	"testing"

	"github.com/envctl/envctl/components/plan"
)

func TestDivide(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		network  string
		firewall bool
		want     string // network apps firewall gateway, or part of an error
	}{
		"default":       {"", false, "10.20.0.0/23 10.20.0.0/23 invalid Prefix invalid IP"},
		"with firewall": {"", true, "10.20.0.0/23 10.20.0.0/24 10.20.1.0/26 10.20.1.4"},
		"smallest":      {"10.0.0.128/25", true, "10.0.0.128/25 10.0.0.128/26 10.0.0.192/26 10.0.0.196"},
		"largest":       {"10.255.0.0/16", true, "10.255.0.0/16 10.255.0.0/17 10.255.128.0/26 10.255.128.4"},
		"masked":        {"10.0.0.7/24", false, "10.0.0.0/24 10.0.0.0/24 invalid Prefix invalid IP"},
		"no room":       {"10.0.0.0/26", true, `"10.0.0.0/26" has no room for a firewall: take a /25 or larger`},
		"no range":      {"10.0.0.0", false, `"10.0.0.0" is not an IPv4 range`},
		"IPv6":          {"fd00::/64", false, `"fd00::/64" is not an IPv4 range`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := divide(tt.network, tt.firewall)
			got := strings.Join([]string{l.network.String(), l.apps.String(), l.firewall.String(), l.gateway.String()}, " ")
			if err != nil {
				got = err.Error()
			}
			if err == nil && got != tt.want || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, expected %q", got, tt.want)
			}
		})
	}
}

// The checks of a start last at least as long as the grace, within the bounds of
// Container Apps.
func TestStartup(t *testing.T) {
	t.Parallel()
	for _, interval := range []float64{1, 2, 10, 30, 240} {
		for _, grace := range []float64{0, 1, 5, 30, 95, 600} {
			for _, retries := range []int{1, 3, 10} {
				period, failures := startup(plan.Health{Interval: interval, Grace: grace, Retries: retries})
				if period < 1 || period > maxPeriod || failures < 1 || failures > maxFailures || float64(period*failures) < grace {
					t.Errorf("interval %v, grace %v, retries %d: %d checks every %d s", interval, grace, retries, failures, period)
				}
			}
		}
	}
	if period, failures := startup(plan.Health{Interval: 10, Grace: 30, Retries: 3}); period != 10 || failures != 3 {
		t.Errorf("%d checks every %d s, expected what the definition says where it can be had", failures, period)
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for in, want := range map[float64]int{0: 1, 0.2: 1, 1: 1, 1.5: 2, 240: 240, 600: 240} {
		if got := seconds(in); got != want {
			t.Errorf("%v: %d, expected %d", in, got, want)
		}
	}
}

func TestCutEndsWithACharacter(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"abc": "abc", "abcd": "abcd", "abcde": "abcd", "abcé": "abc", "ééé": "éé"} {
		if got := cut(in, 4); got != want {
			t.Errorf("%q: %q, expected %q", in, got, want)
		}
	}
}
