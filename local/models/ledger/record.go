package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// The kinds of line.
const (
	kindReserve = "reserve"
	kindSettle  = "settle"
	kindRefuse  = "refuse"
	kindLost    = "lost"   // a reservation whose process is gone
	kindBudget  = "budget" // from here on
	kindAlert   = "alert"
	kindSums    = "sums" // the first line of a log that was shortened
)

// record is one line.
type record struct {
	Kind    string  `json:"kind"`
	Time    int64   `json:"time"` // Unix seconds
	ID      string  `json:"id,omitempty"`
	Month   string  `json:"month,omitempty"`
	Model   string  `json:"model,omitempty"`
	App     string  `json:"app,omitempty"`
	Owner   string  `json:"owner,omitempty"`
	Usage   *Usage  `json:"usage,omitempty"`
	Cost    Amount  `json:"cost,omitempty"`
	Percent int     `json:"percent,omitempty"`
	Budget  *Budget `json:"budget,omitempty"`
	Sums    *sums   `json:"sums,omitempty"`
}

// prefix is the length of a line's CRC-32 in hex and a space.
const prefix = 9

// line returns the line of a record.
func (r record) line() ([]byte, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(raw), raw), nil
}

var errLine = errors.New("the line and its checksum do not fit")

// parseLine reads a line without its end.
func parseLine(line []byte) (record, error) {
	if len(line) < prefix || line[prefix-1] != ' ' {
		return record{}, errLine
	}
	raw := line[prefix:]
	if !bytes.Equal(fmt.Appendf(nil, "%08x", crc32.ChecksumIEEE(raw)), line[:prefix-1]) {
		return record{}, errLine
	}
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return record{}, err
	}
	return r, nil
}

// replay applies the lines of data to s and returns how many bytes of it are sound.
// A damaged end is what a killed writer leaves; damage before a sound line is not.
func (s *sums) replay(data []byte) (int, error) {
	for at := 0; at < len(data); {
		length := bytes.IndexByte(data[at:], '\n')
		if length < 0 {
			return at, nil
		}
		r, err := parseLine(data[at : at+length])
		if err != nil {
			if soundAfter(data[at+length+1:]) {
				return at, err
			}
			return at, nil
		}
		s.apply(r)
		at += length + 1
	}
	return len(data), nil
}

func soundAfter(data []byte) bool {
	for line := range bytes.Lines(data) {
		if _, err := parseLine(bytes.TrimSuffix(line, []byte("\n"))); err == nil && bytes.HasSuffix(line, []byte("\n")) {
			return true
		}
	}
	return false
}
