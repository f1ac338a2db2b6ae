package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/local/flock"
)

const (
	// lockPatience is how long another process may hold the lock, which it does for
	// less than a millisecond.
	lockPatience = 10 * time.Second
	lockPoll     = time.Millisecond
	// longLog is the length in bytes from which on a log is shortened: some 6,000 calls.
	longLog = 2 << 20
	// maxLog is the longest log that is read; shortening keeps every log below it.
	maxLog = 64 << 20
)

// locked runs change with the file's lock held and the sums up to date, and appends
// the lines that it returns, which it has applied. Where they cannot be written,
// what is in memory is thrown away, as if change had not been made.
func (l *Ledger) locked(ctx context.Context, change func(now time.Time) ([]record, error)) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if err := l.lock(ctx); err != nil {
		return l.explain(err)
	}
	defer func() {
		if l.file != nil {
			_ = flock.Unlock(l.file) // closing gives it back, too
		}
	}()
	if err := l.catchUp(); err != nil {
		return l.explain(err)
	}
	now := l.options.Now()
	records, err := change(now)
	if err != nil {
		return err
	}
	if err := l.append(records, now); err != nil {
		return l.explain(err)
	}
	if l.read > longLog {
		return l.explain(l.shorten(now))
	}
	return nil
}

func (l *Ledger) explain(err error) error {
	var damaged *DamagedError
	if err == nil || errors.As(err, &damaged) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("the ledger of the models in %q: %w", l.path, err)
}

// lock opens the file where it is not open, and takes its lock.
func (l *Ledger) lock(ctx context.Context) error {
	for began := time.Now(); ; {
		if l.file == nil {
			f, err := flock.Create(l.path)()
			if err != nil {
				return err
			}
			l.file, l.read, l.sums = f, 0, sums{}
		}
		free, err := flock.Try(l.file, flock.Exclusive)
		if err != nil {
			return err
		}
		if free && flock.Named(l.file) {
			return nil
		}
		if free { // shortened or removed meanwhile
			if err := l.close(); err != nil {
				return err
			}
			continue
		}
		if time.Since(began) > lockPatience {
			return fmt.Errorf("another process has kept it locked for %s", lockPatience)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// catchUp takes in what others have appended, and cuts off what one left half.
func (l *Ledger) catchUp() error {
	data, err := readFrom(l.file, l.read)
	if err != nil {
		return err
	}
	sound, err := l.sums.replay(data)
	if err != nil {
		return &DamagedError{Path: l.path, Err: err}
	}
	l.read += int64(sound)
	if sound < len(data) {
		return l.file.Truncate(l.read)
	}
	return nil
}

// readFrom reads what comes after some bytes.
func readFrom(f *os.File, offset int64) ([]byte, error) {
	data, err := io.ReadAll(io.NewSectionReader(f, offset, maxLog))
	if err == nil && len(data) == maxLog {
		err = fmt.Errorf("it is longer than %d bytes", maxLog)
	}
	return data, err
}

func (l *Ledger) append(records []record, now time.Time) error {
	var lines []byte
	for _, r := range records {
		r.Time = now.Unix()
		line, err := r.line()
		if err != nil {
			return err
		}
		lines = append(lines, line...)
	}
	n, err := l.file.WriteAt(lines, l.read)
	if err != nil {
		return errors.Join(err, l.file.Truncate(l.read))
	}
	l.read += int64(n)
	return nil
}

// shorten replaces the log by its sums. Whoever waits for the lock of the old file
// finds that it is none any more.
func (l *Ledger) shorten(now time.Time) (err error) {
	l.sums.forget()
	line, err := record{Kind: kindSums, Time: now.Unix(), Sums: &l.sums}.line()
	if err != nil {
		return err
	}
	// One name is enough with the lock held, and leaves nothing else of a killed one.
	f, err := os.OpenFile(filepath.Join(filepath.Dir(l.path), "."+filepath.Base(l.path)+".tmp"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), l.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return l.close()
}

// Prune removes the ledger in a file that has nothing of now's month: no call and no
// reservation. One that is not there is no error.
func Prune(ctx context.Context, path string, now time.Time) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	l := Open(path, Options{Now: func() time.Time { return now }})
	err := l.lock(ctx)
	if err == nil {
		err = l.catchUp()
	}
	if err != nil {
		return errors.Join(l.explain(err), l.close())
	}
	if t := l.sums.totals(monthOf(now)); t.Models != nil || len(l.sums.Open) > 0 {
		return l.close()
	}
	return errors.Join(os.Remove(path), l.close())
}

func (l *Ledger) close() error {
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file, l.read, l.sums = nil, 0, sums{}
	return f.Close()
}
