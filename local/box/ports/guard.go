package ports

import (
	"encoding/binary"
	"errors"
	"io"
)

// What yamux's frames begin with: version, type, flags, stream, length
// (https://github.com/hashicorp/yamux/blob/master/spec.md).
const (
	headerSize = 12
	typeData   = 0
	typePing   = 2
	flagSYN    = 1
)

// errPing ends a line.
var errPing = errors.New("a question whether the host is there, which no hold asks")

// guarded is the stream from a box. It ends at a question whether the host is there:
// yamux begins a goroutine to answer each one, however many come and however little
// of the answers is read.
type guarded struct {
	io.ReadWriteCloser
	header  [headerSize]byte
	have    int   // bytes of the header that have come
	content int64 // bytes of the frame that are to come after it
}

// Read implements io.Reader.
func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.ReadWriteCloser.Read(p)
	if refused := g.look(p[:n]); refused != nil {
		return 0, refused
	}
	return n, err
}

// look follows what has come.
func (g *guarded) look(p []byte) error {
	for len(p) > 0 {
		if g.content > 0 {
			skip := min(g.content, int64(len(p)))
			g.content -= skip
			p = p[skip:]
			continue
		}
		n := copy(g.header[g.have:], p)
		g.have += n
		p = p[n:]
		if g.have < headerSize {
			return nil
		}
		g.have = 0
		switch flags := binary.BigEndian.Uint16(g.header[2:]); g.header[1] {
		case typePing:
			if flags&flagSYN != 0 {
				return errPing
			}
		case typeData:
			g.content = int64(binary.BigEndian.Uint32(g.header[8:]))
		}
	}
	return nil
}
