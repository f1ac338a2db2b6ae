package output

import "testing"

func TestEgressLine(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]Egress{
		"2026-11-24T12:00:00Z allowed pypi.org:443 (12 times)":              {Host: "pypi.org:443", Allowed: true, Count: 12},
		"2026-11-24T12:00:00Z refused evil.example:443: not in the list":    {Host: "evil.example:443", Reason: "not in the list", Count: 1},
		"2026-11-24T12:00:00Z contained 192.0.2.1:443: no route":            {Host: "192.0.2.1:443", Reason: "no route", Count: 1, Canary: true},
		"2026-11-24T12:00:00Z NOT CONTAINED 192.0.2.1:443: it was answered": {Host: "192.0.2.1:443", Allowed: true, Reason: "it was answered", Count: 1, Canary: true},
	} {
		got := NewEgressLine(noon, "api", e)
		if got.Text != want || got.App != "api" || got.Stream != "egress" || *got.Egress != e {
			t.Errorf("got %q, want %q", got.Text, want)
		}
	}
}
