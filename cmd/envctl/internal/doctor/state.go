package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// state makes the checks of the state's group.
func state(ctx context.Context, s State, now time.Time) []output.Finding {
	var all []output.Finding
	add := func(name string, check func() (state, detail, fix string)) {
		state, detail, fix := check()
		all = append(all, output.Finding{Group: "state", Name: name, State: state, Detail: detail, Fix: fix})
	}
	add("folder", func() (string, string, string) { return folder(s) })
	add("key", func() (string, string, string) { return key(s) })
	if s.TryBackend != nil {
		add("backend", func() (string, string, string) { return backend(ctx, s) })
	}
	if s.Locks != nil {
		add("locks", func() (string, string, string) { return locks(ctx, s, now) })
	}
	return all
}

func folder(s State) (state, detail, fix string) {
	if err := s.TryWrite(); err != nil {
		return output.FindingFailed, fmt.Sprintf("%s cannot be written: %v", s.Dir, err),
			"make the folder yours (chown), free some space, or set XDG_STATE_HOME to another one"
	}
	return output.FindingOK, s.Dir, ""
}

// groupAndOthers are the permission bits that a key must not have.
const groupAndOthers = 0o077

func key(s State) (state, detail, fix string) {
	if s.KeyFile == "" {
		return output.FindingOK, "given by a variable", ""
	}
	mode, there, err := s.KeyMode()
	switch {
	case err != nil:
		return output.FindingFailed, fmt.Sprintf("%s cannot be read: %v", s.KeyFile, err), "make the file yours: chown $(id -un) " + s.KeyFile
	case !there:
		return output.FindingOK, "none yet; the first secret makes one", ""
	case mode&groupAndOthers != 0:
		return output.FindingFailed, fmt.Sprintf("%s may be read by others (%04o)", s.KeyFile, mode), "chmod 600 " + s.KeyFile
	}
	return output.FindingOK, s.KeyFile, ""
}

func backend(ctx context.Context, s State) (state, detail, fix string) {
	if err := s.TryBackend(ctx); err != nil {
		return output.FindingFailed, fmt.Sprintf("%s cannot be opened: %v", s.Backend, err),
			"correct or unset ENVCTL_BACKEND_URL, or log in to where it points"
	}
	return output.FindingOK, s.Backend, ""
}

func locks(ctx context.Context, s State, now time.Time) (state, detail, fix string) {
	found, err := s.Locks(ctx)
	if err != nil {
		return output.FindingWarning, fmt.Sprintf("the locks cannot be listed: %v", err), "make the state's folder readable"
	}
	held, dead := "", ""
	for _, l := range found {
		text := fmt.Sprintf("%s by %s for %s", l.Stack, l.Owner, now.Sub(l.Since).Round(time.Second))
		if l.Dead {
			dead = text
		} else {
			held = text
		}
	}
	switch {
	case dead != "":
		return output.FindingWarning, "left over: " + dead, "the next envctl up or down of that experiment breaks it"
	case held != "":
		return output.FindingOK, "held: " + held, ""
	}
	return output.FindingOK, "none", ""
}
