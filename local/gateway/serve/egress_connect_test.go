package serve

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTunnelNamesItsHost: the TLS in a tunnel is for the host that CONNECT named.
func TestTunnelNamesItsHost(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		config *tls.Config
		reason string // empty: it passes
	}{
		"the same":            {&tls.Config{ServerName: "site.test"}, ""},
		"the same, in caps":   {&tls.Config{ServerName: "SITE.test"}, ""},
		"TLS 1.2":             {&tls.Config{ServerName: "site.test", MaxVersion: tls.VersionTLS12}, ""},
		"another":             {&tls.Config{ServerName: "other.test"}, reasonOtherName},
		"one below":           {&tls.Config{ServerName: "a.site.test"}, reasonOtherName},
		"none":                {&tls.Config{}, reasonNoName},
		"hidden, outer other": {&tls.Config{ServerName: "site.test", MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: hidden(t, "other.test")}, reasonOtherName},
		"hidden, outer same":  {&tls.Config{ServerName: "other.test", MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: hidden(t, "site.test")}, "rejected ECH"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openProxy(t)
			where, _ := secure(t, func(http.ResponseWriter, *http.Request) {})
			o.at("443", where)
			test.config.InsecureSkipVerify = true
			client := tls.Client(o.open(t, "site.test:443"), test.config)
			err := client.HandshakeContext(t.Context())
			switch test.reason {
			case "":
				if err != nil || strings.Contains(o.events.String(), `"reason"`) {
					t.Errorf("%v, events %s, expected a tunnel", err, o.events)
				}
			case "rejected ECH": // by the server outside: it got through to it
				var rejected *tls.ECHRejectionError
				if !errors.As(err, &rejected) && (err == nil || !strings.Contains(err.Error(), "certificate")) {
					t.Errorf("%v, expected that the server rejects it", err)
				}
			default:
				var alert tls.AlertError
				if err == nil || !(errors.As(err, &alert) || strings.Contains(err.Error(), "access denied")) {
					t.Errorf("%v, expected the alert access denied", err)
				}
				eventually(t, test.reason, func() bool { return strings.Contains(o.events.String(), test.reason) })
			}
		})
	}
}

// hidden is a list with one configuration of Encrypted Client Hello.
func hidden(t *testing.T, public string) []byte {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte{1, 0x00, 0x20, 0x00, 0x20} // id, X25519, length of the key
	body = append(body, key.PublicKey().Bytes()...)
	body = append(body, 0, 4, 0, 1, 0, 1, 32, byte(len(public))) // HKDF-SHA256 with AES-128-GCM
	body = append(append(body, public...), 0, 0)
	config := binary.BigEndian.AppendUint16([]byte{0xfe, 0x0d}, uint16(len(body)))
	config = append(config, body...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
}

// Nothing that is no TLS for the host gets a byte through.
func TestTunnelWithoutTLSIsRefused(t *testing.T) {
	t.Parallel()
	hello := helloOf(t, "site.test")
	for name, text := range map[string]string{
		"plain HTTP":       "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n",
		"SSH":              "SSH-2.0-OpenSSH_9.6\r\n",
		"TLS, no hello":    "\x17\x03\x03\x00\x05hello",
		"hello of garbage": "\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff",
		"half a hello":     string(hello[:len(hello)/2]),
		"hello too long":   "\x16\x03\x01\x40\x00\x01\xff\xff\xff" + strings.Repeat("a", 80<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openProxy(t, func(e *egress) { e.hello = 300 * time.Millisecond })
			arrived := make(chan int64, 1)
			o.at("443", rawApp(t, func(conn net.Conn) {
				n, _ := io.Copy(io.Discard, conn)
				arrived <- n
			}))
			conn := o.open(t, "site.test:443")
			io.WriteString(conn, text)
			answer, _ := io.ReadAll(conn)
			if string(answer) != accessDenied && len(answer) > 0 {
				t.Errorf("answer %q, expected an alert or nothing", answer)
			}
			if n := <-arrived; n > 0 {
				t.Errorf("%d bytes got through, expected none", n)
			}
			eventually(t, "an event", func() bool { return strings.Contains(o.events.String(), reasonNoTLS) })
		})
	}
}

func helloOf(t *testing.T, name string) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: name}).Handshake()
	}()
	buf := make([]byte, maxHello)
	n, err := server.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	return buf[:n]
}

// A hello may come in pieces, and before the tunnel stands; every byte goes on.
func TestHelloInPiecesPasses(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	hello := append(helloOf(t, "site.test"), "and more"...)
	arrived := make(chan []byte, 1)
	o.at("443", rawApp(t, func(conn net.Conn) {
		got := make([]byte, len(hello))
		io.ReadFull(conn, got)
		arrived <- got
		conn.Close()
	}))
	conn := o.from(t, apiAddr)
	early := "CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n" + string(hello[:7])
	io.WriteString(conn, early)
	for rest := hello[7:]; len(rest) > 0; rest = rest[min(100, len(rest)):] {
		conn.Write(rest[:min(100, len(rest))])
		time.Sleep(time.Millisecond)
	}
	if got := <-arrived; !bytes.Equal(got, hello) {
		t.Errorf("%d bytes arrived, not the %d that were sent", len(got), len(hello))
	}
}

// A port that the list gives is for whatever speaks there, and each direction
// ends by itself.
func TestRawTunnelMayBeHalfClosed(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	o.at("5432", rawApp(t, func(conn net.Conn) {
		defer conn.Close()
		io.WriteString(conn, "ready\n")
		sent, _ := io.ReadAll(conn)
		fmt.Fprintf(conn, "got %d", len(sent))
	}))
	conn := o.open(t, "db.test:5432")
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v, expected that the server speaks first", line, err)
	}
	io.CopyN(conn, zeros{}, 3<<20)
	conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(reader); string(got) != fmt.Sprintf("got %d", 3<<20) || err != nil {
		t.Errorf("after half-close %q, %v", got, err)
	}
}

// A connection that is reset on one side is reset on the other, not ended in order.
func TestResetPassesThroughATunnel(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	o.at("5432", rawApp(t, func(conn net.Conn) {
		io.WriteString(conn, "half")
		time.Sleep(100 * time.Millisecond)
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}))
	conn := o.open(t, "db.test:5432")
	if got, err := io.ReadAll(conn); string(got) != "half" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%q, %v, expected half of it and a reset", got, err)
	}
}

// One direction that is busy keeps the other; two that are not end.
func TestIdleTunnelEnds(t *testing.T) {
	t.Parallel()
	const idle = 200 * time.Millisecond
	o := openProxy(t, func(e *egress) { e.idle = idle })
	o.at("5432", rawApp(t, func(conn net.Conn) {
		defer conn.Close()
		for range 10 {
			io.WriteString(conn, ".")
			time.Sleep(idle / 2)
		}
		io.Copy(io.Discard, conn)
	}))
	conn := o.open(t, "db.test:5432")
	start := time.Now()
	if got, _ := io.ReadAll(conn); string(got) != strings.Repeat(".", 10) {
		t.Errorf("%q, expected ten", got)
	}
	if took := time.Since(start); took < 5*idle || took > 15*time.Second {
		t.Errorf("ended after %v, expected some %v after the last byte", took, idle)
	}
}

// FuzzHello: whatever a tunnel begins with, it is no panic, and what was read is
// what goes on.
func FuzzHello(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		read, name, ok := readHello(bytes.NewReader(text))
		if !bytes.HasPrefix(text, read) {
			t.Errorf("read %q of %q", read, text)
		}
		if !ok && name != "" {
			t.Errorf("no hello, but the name %q", name)
		}
	})
}
