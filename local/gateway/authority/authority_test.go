package authority_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/gateway/authority"
	"github.com/envctl/envctl/local/gateway/protocol"
)

const host = "models.envctl.internal"

func derive(key string) func(string) []byte {
	return func(purpose string) []byte { return protocol.Derive(key, purpose) }
}

func newAuthority(t *testing.T, key string) *authority.Authority {
	t.Helper()
	a, err := authority.New(host, derive(key))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSameKeyGivesTheSameAuthority(t *testing.T) {
	t.Parallel()
	one, again, other := newAuthority(t, "one").PEM(), newAuthority(t, "one").PEM(), newAuthority(t, "other").PEM()
	if !bytes.Equal(one, again) {
		t.Errorf("with the same key %s and %s", one, again)
	}
	if bytes.Equal(one, other) {
		t.Error("two keys have the same authority")
	}
}

func TestBytesThatAreNoKeyArePassedOver(t *testing.T) {
	t.Parallel()
	asked := 0
	_, err := authority.New(host, func(string) []byte {
		if asked++; asked == 1 {
			return bytes.Repeat([]byte{0xff}, 32) // above the order of the curve
		}
		return bytes.Repeat([]byte{0x07}, 32)
	})
	if err != nil || asked != 2 {
		t.Errorf("asked %d times, %v, expected 2", asked, err)
	}
}

// connect makes a handshake of a client that trusts the authority.
func connect(t *testing.T, server *tls.Config, a *authority.Authority, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	client.RootCAs = x509.NewCertPool()
	if !client.RootCAs.AppendCertsFromPEM(a.PEM()) {
		t.Fatal("the authority's certificate is not read")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if far, err := l.Accept(); err == nil {
			defer far.Close()
			_ = tls.Server(far, server).Handshake()
		}
	}()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	_ = near.SetDeadline(time.Now().Add(10 * time.Second))
	conn := tls.Client(near, client)
	err = conn.Handshake()
	return conn.ConnectionState(), err
}

func TestServerIsWhatClientsExpect(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "key")
	server := a.Server(time.Now)
	cases := map[string]struct {
		client *tls.Config
		alpn   string
		fails  string
	}{
		"HTTP/2":                    {&tls.Config{ServerName: host, NextProtos: []string{"h2", "http/1.1"}}, "h2", ""},
		"HTTP/1.1":                  {&tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}}, "http/1.1", ""},
		"no ALPN":                   {&tls.Config{ServerName: host}, "", ""},
		"TLS 1.2":                   {&tls.Config{ServerName: host, MaxVersion: tls.VersionTLS12}, "", ""},
		"TLS 1.1":                   {&tls.Config{ServerName: host, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "", "protocol version"},
		"another name":              {&tls.Config{ServerName: "api.openai.com"}, "", "not api.openai.com"},
		"a name below":              {&tls.Config{ServerName: "x." + host}, "", "not x." + host},
		"authority of another name": {&tls.Config{ServerName: "gateway"}, "", "not gateway"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, err := connect(t, server, a, test.client.Clone())
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("%v, expected an error with %q", err, test.fails)
				}
				return
			}
			if err != nil || state.NegotiatedProtocol != test.alpn {
				t.Errorf("protocol %q, %v, expected %q", state.NegotiatedProtocol, err, test.alpn)
			}
		})
	}
}

func TestCertificateIsRenewedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	a, now := newAuthority(t, "key"), time.Now()
	server := a.Server(func() time.Time { return now })
	serial := func() string {
		c, err := server.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		if now.After(c.Leaf.NotAfter) || now.Before(c.Leaf.NotBefore) {
			t.Errorf("at %v a certificate from %v to %v", now, c.Leaf.NotBefore, c.Leaf.NotAfter)
		}
		return c.Leaf.SerialNumber.String()
	}
	first := serial()
	now = now.Add(23 * time.Hour)
	if serial() != first {
		t.Error("renewed after 23 hours, expected the same certificate for 24")
	}
	now = now.Add(2 * time.Hour)
	second := serial()
	if second == first {
		t.Error("not renewed a day before its end")
	}
	if now = now.Add(-100 * time.Hour); serial() == second {
		t.Error("the clock was set back before the certificate's beginning, and it was not renewed")
	}
}

func TestTrustIsWrittenOnceAndWhole(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t, "key"), t.TempDir()
	for range 2 {
		if err := a.Write(folder, protocol.TrustFile); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Fatalf("files %v, %v, expected two", entries, err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		info, _ := e.Info()
		if err != nil || !bytes.Equal(content, a.PEM()) || info.Mode().Perm() != 0o644 {
			t.Errorf("%s (%v): %s, %v", e.Name(), info.Mode(), content, err)
		}
	}
	if err := a.Write(filepath.Join(folder, "none"), protocol.TrustFile); err == nil {
		t.Error("written into a folder that is not there")
	}
}

// TestOpenSSLFindsTheAuthority holds SubjectHash against openssl, with names that
// its canonical form changes.
func TestOpenSSLFindsTheAuthority(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		dockertest.Cannot(t, "no openssl here: %v", err)
	}
	a, folder := newAuthority(t, "key"), t.TempDir()
	if err := a.Write(folder, protocol.TrustFile); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), openssl, "x509", "-hash", "-noout", "-in", filepath.Join(folder, protocol.TrustFile)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, strings.TrimSpace(string(out))+".0")); err != nil {
		t.Error(err)
	}
}

func TestSubjectHashIsOpenSSLs(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		dockertest.Cannot(t, "no openssl here: %v", err)
	}
	for _, name := range []pkix.Name{
		{CommonName: "envctl sandbox " + host},
		{CommonName: "  Two   Spaces\tand TABS ", Organization: []string{"Ünïcode É", "B"}, Country: []string{"DE"}},
		{CommonName: "a*b", OrganizationalUnit: []string{"", "x"}},
		{},
	} {
		raw, err := asn1.Marshal(name.ToRDNSequence())
		if err != nil {
			t.Fatal(err)
		}
		got, err := authority.SubjectHash(raw)
		if err != nil {
			t.Fatal(err)
		}
		ask := exec.CommandContext(t.Context(), openssl, "x509", "-hash", "-noout")
		ask.Stdin = bytes.NewReader(selfSigned(t, name))
		out, err := ask.CombinedOutput()
		if want := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%v: %s, openssl says %s, %v", name, got, want, err)
		}
	}
}

func FuzzSubjectHash(f *testing.F) {
	raw, err := asn1.Marshal(pkix.Name{CommonName: "a", Country: []string{"DE"}}.ToRDNSequence())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if hash, err := authority.SubjectHash(raw); err == nil && len(hash) != 8 {
			t.Errorf("hash %q", hash)
		}
	})
}
