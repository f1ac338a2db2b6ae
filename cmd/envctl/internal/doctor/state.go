package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	if all[0].State == output.FindingFailed {
		return all // the rest is in the folder
	}
	add("key", func() (string, string, string) { return key(s) })
	if s.TryBackend != nil {
		add("backend", func() (string, string, string) { return backend(ctx, s) })
	}
	if s.Operations != nil {
		add("operations", func() (string, string, string) { return operations(ctx, s, now) })
	}
	return all
}

func folder(s State) (state, detail, fix string) {
	if err := s.TryWrite(); err != nil {
		return output.FindingFailed, strings.TrimSpace(s.Dir + " cannot be written: " + err.Error()),
			hint(err, "make the folder yours (chown), free some space, or set ENVCTL_STATE_DIR to another one")
	}
	return output.FindingOK, s.Dir, ""
}

// hint is what mends err where it says so itself, else other.
func hint(err error, other string) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return other
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

func operations(ctx context.Context, s State, now time.Time) (state, detail, fix string) {
	all, err := s.Operations(ctx)
	if err != nil {
		return output.FindingWarning, fmt.Sprintf("the records cannot be read: %v", err), hint(err, "")
	}
	var killed, held []string
	for _, o := range all {
		since := now.Sub(o.Since).Round(time.Second)
		if o.Holder == "" {
			killed = append(killed, fmt.Sprintf("%s of %s, %s ago", o.Command, o.Stack, since))
		} else {
			held = append(held, fmt.Sprintf("%s of %s for %s by %s", o.Command, o.Stack, since, o.Holder))
		}
	}
	switch {
	case len(killed) > 0:
		return output.FindingWarning, "cut short: " + strings.Join(killed, "; "), "envctl up or down of that experiment goes on from there"
	case len(held) > 0:
		return output.FindingOK, "under way: " + strings.Join(held, "; "), ""
	}
	return output.FindingOK, "none was cut short", ""
}
