// Package frame is what the host and the program hold inside a box say to each
// other: a [Request] as one line of JSON goes in, followed by its payload and then
// by control bytes; frames come out, the last of which is a [Result].
//
// What comes out is read on the host and may have been written by hostile code,
// so a [Reader] takes nothing for granted.
package frame

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The operations of a [Request].
const (
	Run   = "run"   // a program, to its end
	Read  = "read"  // a file
	Write = "write" // a file
	Tar   = "tar"   // the files and folders of a folder
)

// Request is one thing to do in a box.
type Request struct {
	Op string `json:"op"`
	// Argv, Dir and Env are of a program. Env is added to the container's own.
	Argv []string `json:"argv,omitempty"`
	Dir  string   `json:"dir,omitempty"`
	Env  []string `json:"env,omitempty"`
	// Root and Path name a file or a folder: Path is relative to Root, which is
	// never left, not by way of a symbolic link either.
	Root string `json:"root,omitempty"`
	Path string `json:"path,omitempty"`
	// Offset and Limit choose a part of the file that is read, in bytes.
	Offset int64 `json:"offset,omitempty"`
	Limit  int64 `json:"limit,omitempty"`
	// Executable is of the file that is written.
	Executable bool `json:"executable,omitempty"`
	// Payload is how many bytes follow the line: a program's stdin or a file.
	Payload int64 `json:"payload,omitempty"`
}

// The control bytes after the payload. The end of the stream is a Kill too, so
// that nothing runs on for a host that is gone.
const (
	Terminate = 'T' // SIGTERM to the program's process group
	Kill      = 'K' // SIGKILL to the program and all that came from it
)

// The kinds of frame.
const (
	Stdout byte = 1 // of the program, or the content that was asked for
	Stderr byte = 2
	End    byte = 3 // a Result; nothing follows
)

// MaxPayload is the size of the largest frame in bytes.
const MaxPayload = 32 << 10

// Result is how a request ended.
type Result struct {
	// Error says why there is no other result. It is text from inside a box.
	Error string `json:"error,omitempty"`
	// NotFound says that the error is about something that is not there.
	NotFound bool `json:"notFound,omitempty"`
	ExitCode int  `json:"exitCode"`         // 128 + the signal, as in a shell
	Signal   int  `json:"signal,omitempty"` // that ended the program
	// Killed counts processes that the program left behind and that were ended.
	Killed int `json:"killed,omitempty"`
	// MaxRSS is the largest resident set of one process in bytes.
	MaxRSS int64 `json:"maxRss,omitempty"`
	// CPU is processor time in microseconds.
	CPU  int64 `json:"cpu,omitempty"`
	Size int64 `json:"size,omitempty"` // of the file in bytes
}

// ErrFormat is a stream that no hold writes.
var ErrFormat = errors.New("not a stream of frames")

const headerSize = 5 // kind, length

// Writer writes frames. It is safe for concurrent use.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter returns a writer of frames.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes content as frames of a kind.
func (w *Writer) Write(kind byte, content []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(content) > 0 {
		n := min(len(content), MaxPayload)
		out := make([]byte, headerSize, headerSize+n)
		out[0] = kind
		binary.BigEndian.PutUint32(out[1:], uint32(n))
		if _, err := w.w.Write(append(out, content[:n]...)); err != nil {
			return err
		}
		content = content[n:]
	}
	return nil
}

// End writes the last frame.
func (w *Writer) End(r Result) error {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return w.Write(End, content)
}

// Stream is a [Writer] for one kind.
type Stream struct {
	W    *Writer
	Kind byte
}

// Write implements [io.Writer].
func (s Stream) Write(p []byte) (int, error) {
	if err := s.W.Write(s.Kind, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Copy reads frames to the end: content goes to the two writers, and the result
// is returned. A stream that ends without one is [io.ErrUnexpectedEOF].
func Copy(r io.Reader, stdout, stderr io.Writer) (Result, error) {
	header, content := make([]byte, headerSize), make([]byte, MaxPayload)
	for {
		if _, err := io.ReadFull(r, header); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return Result{}, err
		}
		n := binary.BigEndian.Uint32(header[1:])
		if n == 0 || n > MaxPayload {
			return Result{}, fmt.Errorf("%w: a frame of %d bytes, expected 1 to %d", ErrFormat, n, MaxPayload)
		}
		if _, err := io.ReadFull(r, content[:n]); err != nil {
			return Result{}, io.ErrUnexpectedEOF
		}
		switch header[0] {
		case Stdout, Stderr:
			to := stdout
			if header[0] == Stderr {
				to = stderr
			}
			if _, err := to.Write(content[:n]); err != nil {
				return Result{}, err
			}
		case End:
			var res Result
			if err := json.Unmarshal(content[:n], &res); err != nil {
				return Result{}, fmt.Errorf("%w: %w", ErrFormat, err)
			}
			return res, nil
		default:
			return Result{}, fmt.Errorf("%w: a frame of kind %d", ErrFormat, header[0])
		}
	}
}
