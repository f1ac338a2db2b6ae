package serve

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// maxHello bounds what is read of a ClientHello in bytes: crypto/tls accepts no
// longer handshake message.
const maxHello = 64 << 10

// errHello ends the handshake once the ClientHello is read.
var errHello = errors.New("read")

// readHello reads a TLS ClientHello from in. It returns every byte that it has
// read, which is what goes on to the server, and the server name; ok is false for
// what is no ClientHello. With Encrypted Client Hello the name is the outer one,
// which is the only one that can be seen.
func readHello(in io.Reader) (read []byte, name string, ok bool) {
	conn := &overheard{in: io.LimitReader(in, maxHello)}
	server := tls.Server(conn, &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			name = hello.ServerName
			return nil, errHello
		},
	})
	// The time is that of the connection behind in.
	err := server.Handshake()
	return conn.read.Bytes(), name, errors.Is(err, errHello)
}

// overheard is one side of a connection: what is read is kept, and what is
// written goes nowhere.
type overheard struct {
	in   io.Reader
	read bytes.Buffer
}

// Read implements net.Conn.
func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.in.Read(p)
	o.read.Write(p[:n])
	return n, err
}

// The rest implements net.Conn.
func (o *overheard) Write(p []byte) (int, error)      { return len(p), nil }
func (o *overheard) Close() error                     { return nil }
func (o *overheard) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (o *overheard) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (o *overheard) SetDeadline(time.Time) error      { return nil }
func (o *overheard) SetReadDeadline(time.Time) error  { return nil }
func (o *overheard) SetWriteDeadline(time.Time) error { return nil }
