package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/local/flock"
)

// claimPatience is how long the lock may be in the way of a process that begins, while
// no process that lives has it: who looks whether it is free holds it for microseconds.
const claimPatience = time.Second

// ServedError says that another process serves the folder.
type ServedError struct {
	Dir    string
	Record Record // of the other process; zero: not known
}

func (e *ServedError) Error() string {
	if e.Record.PID == 0 {
		return fmt.Sprintf("another process serves %q already", e.Dir)
	}
	return fmt.Sprintf("process %d serves %q already", e.Record.PID, e.Dir)
}

// ErrRemoved ends a process whose folder was removed.
var ErrRemoved = errors.New("its folder was removed")

// Serving is the process that serves a folder.
type Serving struct {
	before Record
	file   *os.File
	record Record
	raw    []byte // record, as the file has it
}

// Serve makes this process the folder's, which has to be there, and runs work, which
// calls [Serving.Ready] when it serves. The folder's lock is given back when work
// returns. Where another process has it, the error is a [*ServedError] at once.
func Serve(ctx context.Context, dir string, work func(context.Context, *Serving) error) error {
	f, err := claim(ctx, dir)
	if err != nil {
		return err
	}
	defer f.Close()
	s := &Serving{file: f, record: self()}
	s.before, _ = readFrom(f)
	s.record.Address = s.before.Address // for the next one, should this be killed now
	if err := s.write(); err != nil {
		return err
	}
	return work(ctx, s)
}

// claim takes the folder's lock.
func claim(ctx context.Context, dir string) (*os.File, error) {
	for began := time.Now(); ; {
		f, err := flock.TryOpen(flock.Create(filepath.Join(dir, recordFile)), flock.Exclusive)
		if f != nil || err != nil {
			return f, err
		}
		if r, ok := read(dir); ok && r.visible() {
			return nil, &ServedError{Dir: dir, Record: r}
		}
		if time.Since(began) > claimPatience {
			return nil, &ServedError{Dir: dir}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}

// Before is what the folder's last process said of itself; zero: nothing.
func (s *Serving) Before() Record { return s.before }

// Ready says that the process serves from now on, at an address (empty: none), by what
// the mark stands for.
func (s *Serving) Ready(address, mark string) error {
	s.record.Address, s.record.Mark, s.record.Starting = address, mark, false
	return s.write()
}

func (s *Serving) write() (err error) {
	if s.raw, err = s.record.encode(); err != nil {
		return err
	}
	return write(s.file, s.raw)
}

// Watch looks every look whether the process is needed, and returns why it is not:
// [ErrRemoved], what needed returns (nil: not asked), or the cause of ctx's end. It
// mends the record where somebody damaged it, and may not run while [Serving.Ready] does.
func (s *Serving) Watch(ctx context.Context, look time.Duration, needed func(context.Context) error) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		if !flock.Named(s.file) {
			return ErrRemoved
		}
		if !says(s.file, s.raw) {
			_ = s.write() // again at the next look
		}
		if needed != nil {
			if err := needed(ctx); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
