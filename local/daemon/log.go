package daemon

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

const (
	logFile = "log"
	maxLog  = 256 << 10 // bytes; the next process begins a new one then, and one old one is kept
	maxSaid = 2 << 10   // bytes of it that an error has
)

// output is where a process that is started writes to.
type output struct {
	*os.File
	began int64 // bytes that were there before
}

func openOutput(dir string) (output, error) {
	path := filepath.Join(dir, logFile)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return output{}, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return output{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return output{}, errors.Join(err, f.Close())
	}
	return output{f, info.Size()}, nil
}

// said is the last that the process wrote, as one printable line.
func (o output) said() string {
	info, err := o.Stat()
	if err != nil {
		return "its log cannot be read"
	}
	from := max(o.began, info.Size()-maxSaid)
	raw, _ := io.ReadAll(io.NewSectionReader(o, from, maxSaid)) // as much as there is
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(raw))
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		return "it says nothing"
	}
	return text
}
