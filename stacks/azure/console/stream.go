package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/stacks/azure/ask"
)

// MaxTail is how many lines back the log stream reaches; older ones are in Log
// Analytics.
const MaxTail = 300

// maxLine is where a line without an end is cut, in bytes.
const maxLine = 256 << 10

// StreamOptions choose lines of a log stream.
type StreamOptions struct {
	Follow bool
	Tail   int       // at most MaxTail
	After  time.Time // leaves out what is not later; zero: nothing
}

// Stream calls on for each line of a container's log stream, until its end or,
// with Follow, until the proxy closes it: it does so after some minutes, and the
// caller connects again with After.
func Stream(ctx context.Context, hc *http.Client, at Address, o StreamOptions, on func(Entry) error) error {
	query := url.Values{
		"follow": {strconv.FormatBool(o.Follow)}, "output": {"json"}, "tailLines": {strconv.Itoa(min(max(o.Tail, 0), MaxTail))},
	}
	resp, err := get(ctx, hc, "the log stream", at.Host+at.Path+"/logstream?"+query.Encode(), at.Token)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	err = eachLine(resp.Body, func(line []byte) error {
		e, ok := parse(line)
		if !ok || !e.Time.IsZero() && !e.Time.After(o.After) {
			return nil
		}
		return on(e)
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// eachLine passes lines on; what is longer than maxLine comes in pieces.
func eachLine(r io.Reader, on func([]byte) error) error {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, _, err := in.ReadLine()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the log stream broke off: %w", err)
		}
		if len(line) == 0 {
			continue
		}
		if err := on(line); err != nil {
			return err
		}
	}
}

// parse reads one line: {"TimeStamp":…,"Log":…}, or text where it is not that. It
// returns false for what the proxy says of itself.
func parse(line []byte) (Entry, bool) {
	var raw struct{ TimeStamp, Log *string }
	if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) || json.Unmarshal(line, &raw) != nil || raw.Log == nil || raw.TimeStamp == nil {
		return Entry{Stream: "stdout", Text: string(line)}, true
	}
	if ofProxy(*raw.TimeStamp, *raw.Log) {
		return Entry{}, false
	}
	at, _ := ask.ParseTime(*raw.TimeStamp)
	return Entry{Time: at, Stream: "stdout", Text: strings.TrimRight(*raw.Log, "\r\n")}, true
}

// ofProxy tells the proxy's own lines from the program's: they have no zone.
func ofProxy(stamp, text string) bool {
	if _, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
		return false
	}
	return strings.HasPrefix(text, "Connecting to the container ") || strings.HasPrefix(text, "Successfully Connected to container")
}
