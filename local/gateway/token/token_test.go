package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/local/gateway/token"
)

const (
	audience = "https://cognitiveservices.azure.com"
	tenant   = "11111111-2222-8333-8444-555555555555"
)

var key = []byte(strings.Repeat("k", 32))

func api() token.Identity { return token.Identity{App: "api", ClientID: "c1", Principal: "p1"} }

func issue(tb testing.TB, now time.Time) string {
	tb.Helper()
	text, expires, err := token.New(key, tenant).Issue(api(), audience, now)
	if err != nil {
		tb.Fatal(err)
	}
	if want := now.Add(time.Hour); !expires.Equal(want) {
		tb.Errorf("expires %v, expected %v", expires, want)
	}
	return text
}

func TestTokenSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	claims, err := token.New(key, tenant).Verify(issue(t, now), now)
	if err != nil {
		t.Fatal(err)
	}
	want := token.Claims{
		Audience: audience, Issuer: "https://sts.windows.net/" + tenant + "/",
		IssuedAt: 1_800_000_000, NotBefore: 1_800_000_000, Expires: 1_800_003_600,
		ClientID: "c1", Party: "c1", Principal: "p1", Subject: "p1", Tenant: tenant,
		Resource: "/envctl/workloads/api", Version: "1.0",
	}
	if diff := cmp.Diff(want, claims); diff != "" || claims.App() != "api" {
		t.Errorf("app %q: %s", claims.App(), diff)
	}
}

func TestTokenHasATime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	text := issue(t, now)
	for after, want := range map[time.Duration]error{
		-301 * time.Second: token.ErrEarly, -300 * time.Second: nil, 0: nil, 3599 * time.Second: nil,
		3600 * time.Second: token.ErrExpired, 100 * time.Hour: token.ErrExpired,
	} {
		if _, err := token.New(key, tenant).Verify(text, now.Add(after)); !errors.Is(err, want) {
			t.Errorf("after %v: %v, expected %v", after, err, want)
		}
	}
}

func segment(v any) string {
	raw, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func TestTokensOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	text := issue(t, now)
	parts := strings.Split(text, ".")
	other, _, err := token.New([]byte("another key"), tenant).Issue(api(), audience, now)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, _, err := token.New(key, "another tenant").Issue(api(), audience, now)
	if err != nil {
		t.Fatal(err)
	}
	none := segment(map[string]string{"typ": "JWT", "alg": "none"})
	for name, text := range map[string]string{
		"empty": "", "dots": "..", "one segment": parts[0], "two segments": parts[0] + "." + parts[1],
		"no signature": parts[0] + "." + parts[1] + ".", "four segments": text + "." + parts[2],
		"algorithm none": none + "." + parts[1] + ".", "algorithm none, signed": none + "." + parts[1] + "." + parts[2],
		"another key": other, "another tenant": elsewhere, "space before": " " + text, "line after": text + "\n",
		"padding": text + "=", "line in the signature": text[:len(text)-3] + "\n" + text[len(text)-3:],
		"too long": parts[0] + "." + strings.Repeat("A", 8<<10) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, err := token.New(key, tenant).Verify(text, now); !errors.Is(err, token.ErrInvalid) {
				t.Errorf("%+v, %v, expected %v", c, err, token.ErrInvalid)
			}
		})
	}
}

func TestOneByteMakesAnotherToken(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	text := issue(t, now)
	for i := range text {
		for _, b := range []byte{'A', 'B', '-', '.', text[i] + 1, text[i] ^ 0x20} {
			if b == text[i] {
				continue
			}
			if _, err := token.New(key, tenant).Verify(text[:i]+string(rune(b))+text[i+1:], now); err == nil {
				t.Fatalf("accepted with %q for %q at %d", b, text[i], i)
			}
		}
	}
}

func TestTooMuchToSayIsAnError(t *testing.T) {
	t.Parallel()
	if _, _, err := token.New(key, tenant).Issue(api(), strings.Repeat("a", 4<<10), time.Unix(0, 0)); err == nil {
		t.Error("issued a token that would not be read")
	}
}

// FuzzVerify holds that what is accepted is what was issued, to the byte.
func FuzzVerify(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	f.Add(issue(f, now))
	f.Add(issue(f, now.Add(-2*time.Hour)))
	f.Add("a.b.c")
	issued := issue(f, now)
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := token.New(key, tenant).Verify(text, now)
		if err == nil && text != issued {
			t.Errorf("accepted %q as %+v", text, claims)
		}
	})
}
