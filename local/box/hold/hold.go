// Package hold is the program inside a box. As process 1 it waits until the box's
// deadline; for each request it is the parent of a program, or the one that reads
// and writes files, with the rights of the box's user and no more. Where the box
// reaches services of the host, one more of it listens for them ([Listen]).
//
// It is what makes a cancelled call end: it adopts every orphan of its program, so
// nothing that a program starts can leave its family, and when the host asks, or
// is gone, it ends them all.
package hold

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/envctl/envctl/local/box/frame"
)

// Path is where the program is in every box.
const Path = "/.envctl/hold"

// The first arguments.
const (
	Wait = "wait" // DEADLINE in Unix seconds: process 1
	Do   = "do"   // one request from stdin
	// Listen PORT...: connections to ports of the loopback interface, over stdin and
	// stdout to the host
	Listen = "listen"
)

// maxLine is the length of the longest request, without its payload. A command
// line of the kernel has 2 MiB at most.
const maxLine = 4 << 20

// Main runs the program and returns its exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 2 && args[0] == Wait:
		seconds, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			fmt.Fprintf(stderr, "hold: deadline %q is no Unix time\n", args[1])
			return 2
		}
		return wait(time.Unix(seconds, 0))
	case len(args) == 1 && args[0] == Do:
		if err := do(bufio.NewReaderSize(stdin, maxLine), frame.NewWriter(stdout)); err != nil {
			fmt.Fprintln(stderr, "hold:", err)
			return 1
		}
		return 0
	case len(args) > 1 && args[0] == Listen:
		if err := listen(args[1:], stdin, stdout); err != nil {
			fmt.Fprintln(stderr, "hold:", err)
			return 1
		}
		return 0
	}
	fmt.Fprintln(stderr, "usage: hold wait DEADLINE | hold do | hold listen PORT...")
	return 2
}

// do serves one request. What goes wrong with it is its result; the error is of
// the connection.
func do(in *bufio.Reader, out *frame.Writer) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	var r frame.Request
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	var res frame.Result
	switch r.Op {
	case frame.Run:
		res, err = run(r, in, out)
	case frame.Read:
		res, err = read(r, frame.Stream{W: out, Kind: frame.Stdout})
	case frame.Write:
		res, err = write(r, in)
	case frame.Tar:
		res, err = archive(r, frame.Stream{W: out, Kind: frame.Stdout})
	default:
		err = fmt.Errorf("operation %q is unknown", r.Op)
	}
	if err != nil {
		res = failed(err)
	}
	return out.End(res)
}
