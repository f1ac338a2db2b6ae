//go:build !linux

package hold

import (
	"bufio"
	"errors"
	"time"

	"github.com/envctl/envctl/local/box/frame"
)

func seal() error { return errors.New("hold runs on Linux only") }

func wait(time.Time) int { return 2 }

func run(frame.Request, *bufio.Reader, *frame.Writer) (frame.Result, error) {
	return frame.Result{}, errors.New("hold runs on Linux only")
}
