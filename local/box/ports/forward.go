package ports

import (
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/hashicorp/yamux"
)

const (
	// linger is how long a program may take to read the end of an answer and to close
	// its connection, once the host has.
	linger = 2 * time.Second
	// breath is the wait after a connection could not be accepted.
	breath = 100 * time.Millisecond
)

// Forward joins each connection to a listener, by its port, to the host at the other
// end of the stream rw, until that ends. It closes the listeners and rw.
func Forward(rw io.ReadWriteCloser, listeners map[int]net.Listener) error {
	defer rw.Close()
	for _, l := range listeners {
		defer l.Close()
	}
	if _, err := io.WriteString(rw, greeting); err != nil {
		return err
	}
	c := settings()
	c.EnableKeepAlive = false // the host asks
	session, err := yamux.Client(rw, c)
	if err != nil {
		return err
	}
	defer session.Close()
	slots := make(chan struct{}, Most)
	for port, l := range listeners {
		go forward(session, l, port, slots)
	}
	<-session.CloseChan()
	return nil
}

func forward(session *yamux.Session, l net.Listener, port int, slots chan struct{}) {
	for !session.IsClosed() {
		slots <- struct{}{}
		conn, err := l.Accept()
		if err != nil { // too many files, or closed
			<-slots
			time.Sleep(breath)
			continue
		}
		go func() {
			defer func() { <-slots }()
			carry(session, conn, port)
		}()
	}
}

// carry passes the bytes of one connection on until both directions have ended, or
// the host's has.
func carry(session *yamux.Session, conn net.Conn, port int) {
	defer conn.Close()
	stream, err := session.Open()
	if err != nil {
		return
	}
	defer stream.Close()
	if _, err := stream.Write(binary.BigEndian.AppendUint16(nil, uint16(port))); err != nil {
		return
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(stream, conn) // an end is an end, whoever made it
		_ = stream.Close()           // in this direction
	}()
	_, _ = io.Copy(conn, stream)
	// A program that still sends is not cut off before it has read what it was told.
	if half, ok := conn.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	end := time.Now().Add(linger)
	_, _ = conn.SetDeadline(end), stream.SetDeadline(end)
	<-sent
}
