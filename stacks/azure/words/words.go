// Package words says in words what Azure says in codes: why a revision, a
// replica, an execution or a request failed, what mends it, and whether the same
// again is likely to do.
package words

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/envctl/envctl/components/azure/arm"
)

// Failure is one thing that went wrong.
type Failure struct {
	Kind string // one of the kinds, for programs
	What string // in words
	Mend string // what to do about it; empty where nothing is known
	// Again says that the same is likely to do a little later: something has to
	// spread, or to end, first.
	Again bool
}

// The kinds of failure.
const (
	PullDenied    = "pull-denied"
	PullMissing   = "pull-missing"
	PullFailed    = "pull-failed"
	Platform      = "platform"
	Start         = "start"
	Crash         = "crash"
	Memory        = "memory"
	Mount         = "mount"
	Probe         = "probe"
	Port          = "port"
	Secret        = "secret"
	Quota         = "quota"
	Capacity      = "capacity"
	Busy          = "busy"
	Replication   = "replication"
	SoftDeleted   = "soft-deleted"
	NameTaken     = "name-taken"
	Permission    = "permission"
	Policy        = "policy"
	Registration  = "registration"
	Unavailable   = "unavailable"
	Expired       = "expired"
	Failing       = "failing"
	Budget        = "budget"
	RoleConflict  = "role-conflict"
	Unknown       = "unknown"
	maxWords      = 400 // characters of a foreign text that a message keeps
	pullMend      = "access to the registry takes up to 5 minutes to spread: run `envctl up -t azure` again; if it stays, `envctl doctor -t azure` checks the permissions"
	permitMend    = "ask for the role Owner, or Contributor with Role Based Access Control Administrator, on the subscription or the resource group"
	softMend      = "run `envctl up -t azure` again: what is ours is purged first; otherwise purge it in the portal under \"Manage deleted resources\""
	quotaMend     = "lower models.*.capacity, choose another sku or location, or ask for more under Quotas in the portal; `envctl doctor -t azure` tells what is left"
	busyMend      = "wait for it to end and run `envctl up -t azure` again: it goes on from there"
	crashMend     = "`envctl logs -t azure` has what it wrote"
	regionMend    = "choose another targets.azure.location; `envctl check -t azure` lists those that do"
	registerMend  = "run `az provider register -n NAMESPACE`, or have an owner of the subscription do it"
	imageMissMend = "run `envctl up -t azure` again: it copies what is missing"
)

// rule recognises one failure by a code or a text. The order counts: the first
// that fits says what it is.
type rule struct {
	match   *regexp.Regexp
	failure Failure
}

func r(pattern, kind, what, mend string, again bool) rule {
	return rule{regexp.MustCompile(`(?is)` + pattern), Failure{Kind: kind, What: what, Mend: mend, Again: again}}
}

// Of recognises a text that Azure wrote of a revision, a replica or an operation.
// An empty text is no failure.
func Of(text string) (Failure, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Failure{}, false
	}
	for _, rule := range rules() {
		if m := rule.match.FindStringSubmatch(text); m != nil {
			return rule.failure.with(m, text), true
		}
	}
	return Failure{Kind: Unknown, What: short(text)}, true
}

// with puts what was found into the words: %1 is the first group.
func (f Failure) with(m []string, text string) Failure {
	found := ""
	for _, group := range m[1:] {
		if group != "" {
			found = group
			break
		}
	}
	if found == "" && strings.Contains(f.What, "%1") {
		f.What = strings.NewReplacer(" %1", "", "%1", "").Replace(f.What)
	}
	f.What = strings.ReplaceAll(f.What, "%1", found)
	f.Mend = strings.ReplaceAll(f.Mend, "NAMESPACE", namespace(text))
	return f
}

var namespaces = regexp.MustCompile(`(?i)microsoft\.[a-z]+`)

func namespace(text string) string {
	if m := namespaces.FindString(text); m != "" {
		return m
	}
	return "NAMESPACE"
}

// Explain says what an error of Resource Manager means. It returns false for an
// error of another kind, and for one whose own words are the best there are.
func Explain(err error) (Failure, bool) {
	var e *arm.Error
	if !errors.As(err, &e) {
		return Failure{}, false
	}
	text := e.Code + ": " + e.Message
	for _, d := range e.Details {
		text += "; " + d.Code + ": " + d.Message
	}
	f, _ := Of(text)
	if f.Kind == Unknown {
		return Failure{}, false
	}
	return f, true
}

// Error is an error with the words and the mend of what Azure said.
type Error struct {
	Failure
	// Doing is what was under way.
	Doing string
	Err   error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (%s)", e.Doing, e.What, short(e.Err.Error()))
}

// Unwrap returns what Azure said.
func (e *Error) Unwrap() error { return e.Err }

// Hint says how to mend it.
func (e *Error) Hint() string { return e.Mend }

// Wrap puts an error into words where there are any, and says what was under way.
func Wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := Explain(err); ok {
		return &Error{Failure: f, Doing: doing, Err: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// short is a foreign text on one line, cut at a bound.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxWords {
		return string(runes[:maxWords]) + " …"
	}
	return text
}
