package engine

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/envctl/envctl/stacks"
)

// ResourceError is an operation that failed, with what each resource said.
type ResourceError struct {
	// Failures are by resource, in the order they came.
	Failures []Failure
	// Recorded says that something may have been done, and that all of it is in
	// the state.
	Recorded bool
	Err      error
}

// Reason says what was kept.
func (e *ResourceError) Reason() string {
	if !e.Recorded {
		return ""
	}
	return "what exists is recorded: the same command goes on from there"
}

// Failure is what one resource, or the program where Resource is empty, said.
type Failure struct {
	Resource string // logical name
	Kind     string // in words
	Message  string
}

func (e *ResourceError) Error() string {
	if len(e.Failures) == 0 {
		return e.Err.Error()
	}
	parts := make([]string, 0, len(e.Failures))
	for _, f := range e.Failures {
		if f.Resource == "" {
			parts = append(parts, f.Message)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %q: %s", f.Kind, f.Resource, f.Message))
	}
	return strings.Join(parts, "\n")
}

// Unwrap returns the engine's own error.
func (e *ResourceError) Unwrap() error { return e.Err }

// RecordError says that what was done to some resource is not in the state.
type RecordError struct{ Err error }

func (e *RecordError) Error() string { return "the state cannot be recorded: " + e.Err.Error() }

// Unwrap returns the engine's own error.
func (e *RecordError) Unwrap() error { return e.Err }

// Code is the error's name in JSON.
func (*RecordError) Code() string { return "state" }

// Hint says how to mend it.
func (*RecordError) Hint() string {
	return "see to it that the state store has room and can be written, then run the same command again: it goes on from what was recorded last"
}

// notRecorded begins the reason that the state was not written for a resource.
const notRecorded = "it cannot be recorded: "

// eventLog turns the engine's events into progress, counts and steps.
type eventLog struct {
	emit     func(stacks.Event)
	began    map[string]time.Time // by URN
	ops      map[string]string    // by URN: what was, or will be, done to it
	failures []Failure
	steps    []stacks.Step
	preview  bool // nothing is done
}

func newEventLog(emit func(stacks.Event)) *eventLog {
	if emit == nil {
		emit = func(stacks.Event) {}
	}
	return &eventLog{emit: emit, began: map[string]time.Time{}, ops: map[string]string{}}
}

func (l *eventLog) add(ev events.EngineEvent) {
	switch {
	case ev.ResourcePreEvent != nil:
		l.begin(ev.ResourcePreEvent.Metadata, ev.ResourcePreEvent.Planning)
	case ev.ResOutputsEvent != nil:
		l.end(ev.ResOutputsEvent.Metadata, stacks.StateDone)
	case ev.ResOpFailedEvent != nil:
		l.end(ev.ResOpFailedEvent.Metadata, stacks.StateFailed)
	case ev.DiagnosticEvent != nil:
		l.diagnostic(ev.DiagnosticEvent)
	}
}

// words says what an operation of the engine does, in the terms of results.
var words = map[apitype.OpType]string{
	apitype.OpCreate: "create", apitype.OpUpdate: "update", apitype.OpDelete: "delete", apitype.OpSame: "same",
	apitype.OpReplace: "replace", apitype.OpCreateReplacement: "replace", apitype.OpDeleteReplaced: "replace",
	apitype.OpRefresh: "refresh",
}

func (l *eventLog) begin(m apitype.StepEventMetadata, planning bool) {
	op, ok := words[m.Op]
	state := latest(m)
	if !ok || !state.Custom || isProvider(m.Type) {
		return
	}
	l.record(m.URN, op)
	if planning && op != "refresh" && m.Op != apitype.OpCreateReplacement && m.Op != apitype.OpDeleteReplaced {
		l.steps = append(l.steps, step(m, op))
	}
	if op == "same" || planning || m.Op == apitype.OpReplace { // a replacement is reported by its halves
		return
	}
	if _, known := l.began[m.URN]; !known {
		l.began[m.URN] = time.Now()
	}
	l.emit(stacks.Event{
		Time: time.Now(), Type: stacks.EventResource, State: stacks.StateRunning, Op: op,
		Resource: nameOf(m.URN), Kind: stacks.KindOf(m.Type), Parent: nameOf(state.Parent),
	})
}

func (l *eventLog) end(m apitype.StepEventMetadata, outcome string) {
	op, ok := words[m.Op]
	began, started := l.began[m.URN]
	half := m.Op == apitype.OpDeleteReplaced && outcome == stacks.StateDone // the replacement is still to come
	if !ok || !started || half || m.Op == apitype.OpReplace {
		return
	}
	l.emit(stacks.Event{
		Time: time.Now(), Type: stacks.EventResource, State: outcome, Op: op, Resource: nameOf(m.URN),
		Kind: stacks.KindOf(m.Type), Parent: nameOf(latest(m).Parent), Seconds: time.Since(began).Seconds(),
	})
}

// record keeps the strongest operation on a resource: a refresh before an
// update, or the two halves of a replacement, count once.
func (l *eventLog) record(urn, op string) {
	if op == "refresh" || op == "same" && l.ops[urn] != "" {
		return
	}
	l.ops[urn] = op
}

func (l *eventLog) changes() stacks.Changes {
	var c stacks.Changes
	for _, op := range l.ops {
		switch op {
		case "create":
			c.Create++
		case "update":
			c.Update++
		case "replace":
			c.Replace++
		case "delete":
			c.Delete++
		case "same":
			c.Same++
		}
	}
	return c
}

// pendingNotice begins what the engine says of operations that an earlier,
// killed run had begun. Providers of ours adopt what such a run left, so there
// is nothing for a user to do about it.
const pendingNotice = "Attempting to deploy or update resources"

// unhealthyNotice begins what the engine says of a resource that an earlier run made
// and did not see healthy. This run waits for it or makes it anew.
const unhealthyNotice = "Refreshed resource is in an unhealthy state"

func (l *eventLog) diagnostic(d *apitype.DiagnosticEvent) {
	message := strings.TrimSpace(d.Message)
	if message == "" || d.Ephemeral || strings.HasPrefix(message, pendingNotice) || strings.HasPrefix(message, unhealthyNotice) || isEcho(message) {
		return
	}
	if d.Severity == "error" {
		l.failures = append(l.failures, Failure{Resource: resourceOf(d.URN), Kind: stacks.KindOf(typeOf(d.URN)), Message: cleanMessage(message)})
	}
	l.emit(stacks.Event{
		Time: time.Now(), Type: stacks.EventLog, Severity: strings.TrimSuffix(d.Severity, "#err"),
		Resource: nameOf(d.URN), Kind: stacks.KindOf(typeOf(d.URN)), Message: message,
	})
}

// unhandled begins what the engine says of an error that the program returned.
const unhandled = "an unhandled error occurred: "

// isEcho says whether a message only repeats that something else failed.
func isEcho(message string) bool {
	switch message {
	case "update failed", "destroy failed", "preview failed":
		return true
	}
	return strings.HasPrefix(message, unhandled+"waiting for RPCs: ") && strings.HasSuffix(message, "] failed to register")
}

// cleanMessage drops what the engine wraps around a provider's own words.
func cleanMessage(message string) string {
	message = strings.TrimSuffix(message, ":")
	for _, prefix := range []string{unhandled, "waiting for RPCs: ", "rpc error: code = Unknown desc = "} {
		message = strings.TrimPrefix(message, prefix)
	}
	if _, why, ok := strings.Cut(message, "failed to save snapshot: "); ok {
		return notRecorded + why
	}
	if _, after, ok := strings.Cut(message, "error occurred:\n"); ok {
		message = strings.TrimPrefix(strings.TrimSpace(after), "* ")
	}
	return strings.TrimSpace(message)
}

// explain adds what resources said to an error of the operation.
func (l *eventLog) explain(err error) error {
	lost := slices.ContainsFunc(l.failures, func(f Failure) bool { return strings.HasPrefix(f.Message, notRecorded) })
	for _, ends := range []string{"writing snapshot: ", "saving update info: "} { // what the backend does last
		lost = lost || strings.HasPrefix(err.Error(), ends)
	}
	if unwritten := (*RecordError)(nil); errors.As(err, &unwritten) { // of the interim state, which stopped the update
		lost, l.failures = true, slices.Insert(l.failures, 0, Failure{Message: unwritten.Error()})
	} else if lost {
		err = &RecordError{Err: err}
	}
	return &ResourceError{Failures: l.failures, Recorded: len(l.failures) > 0 && !lost && !l.preview, Err: err}
}

func latest(m apitype.StepEventMetadata) apitype.StepEventStateMetadata {
	switch {
	case m.New != nil:
		return *m.New
	case m.Old != nil:
		return *m.Old
	}
	return apitype.StepEventStateMetadata{}
}

func step(m apitype.StepEventMetadata, op string) stacks.Step {
	s := stacks.Step{Op: op, Type: m.Type, Name: nameOf(m.URN)}
	for _, path := range slices.Sorted(maps.Keys(m.DetailedDiff)) {
		d := m.DetailedDiff[path]
		change := stacks.PropertyChange{Path: path, Replace: strings.HasSuffix(string(d.Kind), "-replace")}
		if m.Old != nil {
			change.Old = valueAt(m.Old.Inputs, path)
		}
		if m.New != nil {
			change.New = valueAt(m.New.Inputs, path)
		}
		change.Old, change.New = onlyDifferent(change.Old, change.New)
		s.Diffs = append(s.Diffs, change)
	}
	return s
}

// onlyDifferent leaves of two lists what is in one of them alone: of thirty
// variables, a reader wants to see the one that changes.
func onlyDifferent(old, new any) (any, any) {
	a, aIsList := old.([]any)
	b, bIsList := new.([]any)
	if !aIsList || !bIsList {
		return old, new
	}
	without := func(list, other []any) []any {
		return slices.DeleteFunc(slices.Clone(list), func(v any) bool {
			return slices.ContainsFunc(other, func(o any) bool { return reflect.DeepEqual(v, o) })
		})
	}
	left, right := without(a, b), without(b, a)
	if len(left)+len(right) == 0 {
		return old, new // the order is what differs
	}
	return left, right
}

// valueAt looks a property path such as `ports[0].internal` up in plain JSON.
func valueAt(props map[string]any, path string) any {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		return nil
	}
	var at any = props
	for _, key := range parsed {
		switch k := key.(type) {
		case string:
			m, _ := at.(map[string]any)
			at = m[k]
		case int:
			list, _ := at.([]any)
			if k < 0 || k >= len(list) {
				return nil
			}
			at = list[k]
		}
	}
	return at
}

func isProvider(t string) bool { return strings.HasPrefix(t, "pulumi:providers:") }

func nameOf(urn string) string {
	if urn == "" {
		return ""
	}
	return resource.URN(urn).Name()
}

// resourceOf names what a diagnostic is about; the stack itself is nothing that
// a user named.
func resourceOf(urn string) string {
	if urn == "" || typeOf(urn) == string(resource.RootStackType) {
		return ""
	}
	return nameOf(urn)
}

func typeOf(urn string) string {
	if urn == "" {
		return ""
	}
	return string(resource.URN(urn).Type())
}
