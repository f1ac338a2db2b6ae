package allow

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// spelling is what a name looks like, said in another way than ParseHost does.
var spelling = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

func FuzzParseHost(f *testing.F) {
	for _, text := range []string{"api.github.com", "A.", "127.1", "0x7f000001", "[::1]", "a\x00b", "xn--a", "-", "a..b", "bücher"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHost(text)
		if err != nil {
			if h != (Host{}) || err.Error() == "" {
				t.Errorf("%q: %v with %v", text, h, err)
			}
			return
		}
		name := h.String()
		if !spelling.MatchString(name) || len(name) > maxName || !strings.EqualFold(name, strings.TrimSuffix(text, ".")) {
			t.Errorf("%q became %q", text, name)
		}
		if _, err := netip.ParseAddr(name); err == nil {
			t.Errorf("%q is an address", name)
		}
		if again, err := ParseHost(name); again != h || err != nil {
			t.Errorf("%q is not its own spelling: %q, %v", name, again, err)
		}
	})
}

func FuzzDecide(f *testing.F) {
	f.Add("api.github.com", "API.github.com.", 443)
	f.Add("*.example.com:8443 b.test", "a.example.com", 8443)
	f.Add("", "a.test", 80)
	f.Fuzz(func(t *testing.T, entries, name string, port int) {
		list := strings.Fields(entries)
		l, err := Parse(list)
		if err != nil {
			return
		}
		h, err := ParseHost(name)
		if err != nil {
			return
		}
		got, reason := l.Decide(h, port)
		if (got == Refused) != (reason != "") {
			t.Errorf("%v with the reason %q", got, reason)
		}
		if len(list) == 0 && got != Refused {
			t.Errorf("an empty list allows %q", name)
		}
		if naive := naively(list, strings.ToLower(strings.TrimSuffix(name, ".")), port); naive != (got != Refused) {
			t.Errorf("%q allows %q:%d: %v, a naive check says %v", list, name, port, got, naive)
		}
		for _, other := range []string{strings.ToUpper(name), strings.ToLower(name), h.String(), h.String() + "."} {
			same, err := ParseHost(other)
			if err != nil {
				t.Errorf("%q is a host, %q is not: %v", name, other, err)
			}
			if d, _ := l.Decide(same, port); d != got {
				t.Errorf("%q: %v, %q: %v", name, got, other, d)
			}
		}
	})
}

// naively says what a list means in the fewest words.
func naively(list []string, name string, port int) bool {
	for _, e := range list {
		e = strings.ToLower(e)
		host, given, has := strings.Cut(e, ":")
		host = strings.TrimSuffix(host, ".")
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(host), `\*`, `.+`) + "$"
		right := port == 80 || port == 443
		if has {
			right = given == itoa(port)
		}
		if right && regexp.MustCompile(pattern).MatchString(name) {
			return true
		}
	}
	return false
}

func itoa(n int) string {
	if n < 1 || n > 65535 {
		return "none"
	}
	digits := ""
	for ; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits
}
