package allow

import (
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	list := []string{"api.github.com", "*.example.com", "db.example.org:5432", "secure.example.org:443", "both.test", "both.test:8443"}
	cases := []struct {
		host   string
		port   int
		want   Decision
		reason string
	}{
		{"api.github.com", 443, Allowed, ""},
		{"api.github.com", 80, Allowed, ""},
		{"API.GitHub.com.", 443, Allowed, ""},
		{"api.github.com", 22, Refused, reasonPort},
		{"github.com", 443, Refused, reasonHost},
		{"x.api.github.com", 443, Refused, reasonHost},
		{"evilapi.github.com", 443, Refused, reasonHost},
		{"api.github.com.evil.test", 443, Refused, reasonHost},
		{"a.example.com", 443, Allowed, ""},
		{"a.b.c.example.com", 80, Allowed, ""},
		{"example.com", 443, Refused, reasonHost},
		{"evilexample.com", 443, Refused, reasonHost},
		{"a.example.com.evil.test", 443, Refused, reasonHost},
		{"a.example.com", 8080, Refused, reasonPort},
		{"db.example.org", 5432, Raw, ""},
		{"db.example.org", 443, Refused, reasonPort},
		{"secure.example.org", 443, Allowed, ""},
		{"secure.example.org", 80, Refused, reasonPort},
		{"both.test", 443, Allowed, ""},
		{"both.test", 8443, Raw, ""},
	}
	l, err := Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		h, err := ParseHost(c.host)
		if err != nil {
			t.Errorf("%s: %v", c.host, err)
			continue
		}
		if got, reason := l.Decide(h, c.port); got != c.want || reason != c.reason {
			t.Errorf("%s:%d: %v %q, expected %v %q", c.host, c.port, got, reason, c.want, c.reason)
		}
	}
}

// An empty list is no list of everything (CVE-2025-66479 of another sandbox).
func TestEmptyListRefusesEverything(t *testing.T) {
	t.Parallel()
	for _, entries := range [][]string{nil, {}} {
		l, err := Parse(entries)
		if err != nil {
			t.Fatal(err)
		}
		h, _ := ParseHost("example.com")
		if got, reason := l.Decide(h, 443); got != Refused || reason != reasonEmpty {
			t.Errorf("%v %q, expected a refusal", got, reason)
		}
	}
	full, _ := Parse([]string{"*.com", "a.test"})
	if got, _ := full.Decide(Host{}, 443); got != Refused {
		t.Errorf("the zero host: %v, expected a refusal", got)
	}
}

func TestEntryThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "*", "*.", "*.*.com", "a.*.com", "**.com", "*example.com", "http://a.test", "a.test/path", "a.test:0", "a.test:65536",
		"a.test:", "a.test:x", "a.test:08", "a.test:+80", "127.0.0.1", "*.1", "[::1]:443", "a.test:80:90", "user@a.test", "a b.test", "bücher.test",
	} {
		if l, err := Parse([]string{"ok.test", text}); err == nil || len(l.entries) > 0 {
			t.Errorf("%q: %v, %v, expected an error and no list", text, l, err)
		}
	}
}

// TestHostThatIsNone has every spelling by which a check and a connection were
// made to see different hosts.
func TestHostThatIsNone(t *testing.T) {
	t.Parallel()
	const address, letters, control = "an IP address", "other than ASCII", "a space or a control"
	for text, want := range map[string]string{
		"127.0.0.1": address, "127.0.0.1.": address, "127.1": address, "0177.0.0.1": address, "0x7f.0.0.1": address,
		"0x7f000001": address, "2130706433": address, "017700000001": address, "0": address, "1.1.1.0x1": address,
		"[::1]": address, "::1": address, "[::ffff:127.0.0.1]": address, "::ffff:7f00:1": address, "[fe80::1%eth0]": address,
		"fe80::1%25eth0": address, "64:ff9b::7f00:1": address, "evil.test.1": address,
		"evil\x00.google.com": control, "evil.test\r\nHost: b": control, "a b.test": control, " a.test": control, "a.test\t": control, "\x7fa.test": control,
		"bücher.test": letters, "аpi.github.com": letters, "api。github。com": letters, "ａpi.github.com": letters, "localhost\u200b": letters, "a.test\xff": letters,
		"user@a.test": "a user", "a%2etest": "percent", "a.test%00": "percent",
		"a..test": "an empty part", ".a.test": "an empty part", "a.test..": "an empty part", "-a.test": "hyphen", "a-.test": "hyphen",
		strings.Repeat("a", 64) + ".test": "63 characters", strings.Repeat("a.", 130) + "test": "253 characters",
		"": "no host", ".": "no host", "a_b.test": "no host name", "a/b": "no host name", "a\\b": "no host name", "*.test": "no host name", "a,b": "no host name",
	} {
		h, err := ParseHost(text)
		if err == nil || h != (Host{}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, expected an error with %q", text, h, err, want)
		}
	}
	_, err := ParseHost("bücher.test")
	if hint, ok := err.(interface{ Hint() string }); !ok || !strings.Contains(hint.Hint(), "punycode") {
		t.Errorf("%v: no hint to write punycode", err)
	}
}

func TestHostHasOneSpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"API.GitHub.COM": "api.github.com", "a.test.": "a.test", "xn--bcher-kva.test": "xn--bcher-kva.test", "1password.com": "1password.com",
		"1.2.3.4.com": "1.2.3.4.com", "localhost": "localhost", "a--b.test": "a--b.test",
	} {
		if h, err := ParseHost(text); h.String() != want || err != nil {
			t.Errorf("%q: %q, %v, expected %q", text, h, err, want)
		}
	}
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		host          string
		port, missing int
	}{
		"a.test:443": {"a.test", 443, 0}, "A.test.:1": {"a.test", 1, 0}, "a.test": {"a.test", 80, 80}, "a.test:65535": {"a.test", 65535, 80},
	} {
		if h, port, err := ParseTarget(text, want.missing); h.String() != want.host || port != want.port || err != nil {
			t.Errorf("%q: %q %d %v, expected %+v", text, h, port, err, want)
		}
	}
	for _, text := range []string{"a.test", "a.test:", "a.test:0", "a.test:-1", "a.test:+1", "a.test:0443", "a.test:443:443", "a.test: 443", "[::1]:443", "[::1]", "::1:443", ":443", "a.test:65536", "a.test:4 43", "a.test:99999999999999999999"} {
		if h, port, err := ParseTarget(text, 0); err == nil {
			t.Errorf("%q: %q %d, expected an error", text, h, port)
		}
	}
}
