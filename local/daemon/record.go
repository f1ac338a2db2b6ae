package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/envctl/envctl/local/owner"
)

const (
	recordFile = "serving"
	maxRecord  = 64 << 10 // bytes
)

// Record is what a process says of itself.
type Record struct {
	PID int `json:"pid"`
	// Start tells it from others that had or will have its PID; empty where the system
	// does not tell.
	Start   string `json:"start,omitempty"`
	Address string `json:"address,omitempty"` // where it answers; empty: nowhere
	Mark    string `json:"mark,omitempty"`    // of what it serves
	// Starting says that it is not ready yet. The address is the last one's then.
	Starting bool `json:"starting,omitempty"`
}

// self is the record of this process, which begins.
func self() Record {
	r := Record{PID: os.Getpid(), Starting: true}
	r.Start, _ = owner.StartOf(r.PID)
	return r
}

// visible says whether the process with the record's PID is the one that wrote it. Of
// one in another PID namespace that cannot be known.
func (r Record) visible() bool {
	if r.PID <= 0 {
		return false
	}
	start, runs := owner.StartOf(r.PID)
	return runs && (r.Start == "" || start == "" || start == r.Start)
}

func (r Record) encode() ([]byte, error) {
	raw, err := json.Marshal(r)
	return append(raw, '\n'), err
}

// read returns what the folder's file says, whether or not that process lives; false
// where it says nothing, or only half.
func read(dir string) (Record, bool) {
	f, err := os.Open(filepath.Join(dir, recordFile))
	if err != nil {
		return Record{}, false
	}
	defer f.Close()
	return readFrom(f)
}

func readFrom(f *os.File) (Record, bool) {
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, maxRecord))
	var r Record
	if err != nil || json.Unmarshal(raw, &r) != nil {
		return Record{}, false
	}
	return r, true
}

// write writes in place: the lock is the file's, not its name's.
func write(f *os.File, raw []byte) error {
	_, err := f.WriteAt(raw, 0)
	if err := errors.Join(err, f.Truncate(int64(len(raw)))); err != nil {
		return fmt.Errorf("the record of the background process: %w", err)
	}
	return nil
}

// says reports whether the file has exactly this content.
func says(f *os.File, raw []byte) bool {
	there, err := io.ReadAll(io.NewSectionReader(f, 0, maxRecord))
	return err == nil && bytes.Equal(there, raw)
}
