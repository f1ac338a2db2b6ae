package service

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	maxLog  = 256 << 10 // bytes; then a new log begins, and one old log is kept
	maxLine = 2 << 10
)

// logFile is what the process has to say.
type logFile struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	file *os.File
	size int64
}

func openLog(path string, now func() time.Time) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &logFile{path: path, now: now, file: f, size: info.Size()}, nil
}

// say adds a line. What a model server said may be in it, so it is made printable. A
// log that cannot be written is no reason to stop serving.
func (l *logFile) say(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text[:min(len(text), maxLine)])
	if l.size > maxLog {
		_ = l.file.Close()
		_ = os.Rename(l.path, l.path+".1")
		f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return
		}
		l.file, l.size = f, 0
	}
	n, _ := fmt.Fprintf(l.file, "%s %s\n", l.now().UTC().Format(time.RFC3339), text)
	l.size += int64(n)
}

func (l *logFile) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
