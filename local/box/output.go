package box

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

const (
	// KeptOutput is how many bytes of one stream are kept; what follows is counted,
	// and only its end is remembered.
	KeptOutput = 64 * mib
	// KeptOfBox is how many bytes of all programs of a box are kept together; what is
	// more is treated as what is beyond KeptOutput. A program that is forgotten makes
	// room again.
	KeptOfBox = 256 * mib
	// keptTail is how much of the end is remembered beyond that.
	keptTail = 64 << 10
)

// Output is what a program wrote to one stream, raw. It is a file without a name,
// so nothing of it is left when this process is gone, however it went.
type Output struct {
	room  *room
	mu    sync.Mutex
	file  *os.File
	kept  int64
	total int64
	tail  []byte // the last bytes, once the file is full
}

// room is what the programs of a box have left of KeptOfBox.
type room struct{ taken atomic.Int64 }

// take returns how much of n there was room for.
func (r *room) take(n int64) int64 {
	over := r.taken.Add(n) - KeptOfBox
	if over <= 0 {
		return n
	}
	back := min(over, n)
	r.give(back)
	return n - back
}

func (r *room) give(n int64) { r.taken.Add(-n) }

func newOutput(in *room) (*Output, error) {
	f, err := os.CreateTemp("", "envctl-output-*")
	if err != nil {
		return nil, fmt.Errorf("make a file for the output: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Output{room: in, file: f}, nil
}

// Write implements [io.Writer]. Nothing a program writes is an error.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := int64(len(p))
	o.total += n
	rest := p
	if fits := min(KeptOutput-o.kept, n); fits > 0 && o.file != nil && o.total-n == o.kept {
		fits = o.room.take(fits)
		written, err := o.file.WriteAt(p[:fits], o.kept)
		o.room.give(fits - int64(written))
		o.kept += int64(written)
		rest = p[written:]
		if err != nil { // a full disk: what follows is counted only
			rest = p
		}
	}
	if len(rest) > 0 {
		o.tail = append(o.tail, rest...)
		if over := len(o.tail) - keptTail; over > 0 {
			o.tail = append(o.tail[:0], o.tail[over:]...)
		}
	}
	return len(p), nil
}

// Total is how many bytes were written.
func (o *Output) Total() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total
}

// Kept is how many bytes from the beginning can be read.
func (o *Output) Kept() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept
}

// Window is the beginning and the end of what was written.
type Window struct {
	Head, Tail []byte // Tail is nil where nothing is left out
	Omitted    int64  // bytes between the two
	Total      int64
}

// Window returns what was written from an offset on: all of it where that is at
// most limit bytes, else as much from either end.
func (o *Output) Window(from, limit int64) Window {
	o.mu.Lock()
	defer o.mu.Unlock()
	from = min(max(from, 0), o.total)
	w := Window{Total: o.total}
	if o.total-from <= limit && o.total == o.kept {
		w.Head = o.read(from, o.total-from)
		return w
	}
	half := limit / 2
	w.Head = o.read(from, min(half, max(o.kept-from, 0)))
	if o.total == o.kept {
		w.Tail = o.read(o.total-half, half)
	} else {
		w.Tail = append([]byte{}, o.tail[max(0, int64(len(o.tail))-half):]...)
	}
	w.Omitted = o.total - from - int64(len(w.Head)) - int64(len(w.Tail))
	return w
}

// At returns at most n bytes from an offset.
func (o *Output) At(offset, n int64) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.read(offset, min(n, o.kept-offset))
}

func (o *Output) read(offset, n int64) []byte {
	if n <= 0 || o.file == nil {
		return []byte{}
	}
	out := make([]byte, n)
	got, _ := o.file.ReadAt(out, offset) // less than n: what is there
	return out[:got]
}

func (o *Output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		_ = o.file.Close()
		o.room.give(o.kept)
		o.file, o.kept = nil, 0
	}
}
