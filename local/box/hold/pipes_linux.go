package hold

import (
	"errors"
	"os"
)

// pipes are the standard streams of a program, from both ends.
type pipes struct {
	feed, stdout, stderr *os.File // ours; feed is nil without stdin
	child                [3]*os.File
}

func openPipes(stdin bool) (p *pipes, err error) {
	p = &pipes{}
	defer func() {
		if err != nil {
			p.closeTheirs()
		}
	}()
	if stdin {
		p.child[0], p.feed, err = os.Pipe()
	} else {
		p.child[0], err = os.Open(os.DevNull)
	}
	if err != nil {
		return p, err
	}
	var errs [2]error
	p.stdout, p.child[1], errs[0] = os.Pipe()
	p.stderr, p.child[2], errs[1] = os.Pipe()
	return p, errors.Join(errs[:]...)
}

func (p *pipes) theirs() []uintptr {
	return []uintptr{p.child[0].Fd(), p.child[1].Fd(), p.child[2].Fd()}
}

func (p *pipes) closeTheirs() {
	for _, f := range p.child {
		if f != nil {
			_ = f.Close()
		}
	}
}
