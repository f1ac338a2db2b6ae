package oneshot

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
)

// Again repeats the run of a record: the same image, lock and arguments, with the
// inputs as they are now, isolated as it was. The report says what differs. Results go to out; empty:
// they are compared and dropped. pass are the variables that were recorded without
// their values.
func Again(ctx context.Context, d Deps, id, out string, pass map[string]string, s Streams) (Report, error) {
	before, err := d.Load(id)
	if err != nil {
		return Report{}, err
	}
	for _, name := range before.Pass {
		if _, given := pass[name]; !given {
			return Report{}, wrong("--env", "give --env "+name, "variable %q was passed to the run %s and its value was not recorded", name, id)
		}
	}
	spec := before.Spec
	spec.Pass, spec.Force, spec.Out = pass, false, out
	spec.Isolation = cmp.Or(before.Report.Isolation.Level, spec.Isolation)
	if before.Spec.Out != "" && out == "" {
		dropped, err := os.MkdirTemp("", "envctl-outputs-*")
		if err != nil {
			return Report{}, err
		}
		defer func() { _ = os.RemoveAll(dropped) }()
		spec.Out = dropped
	}
	r := &run{Deps: d, given: spec, streams: s, image: before.Image, lock: before.Lock, again: id}
	now, err := r.do(ctx)
	if now.Report.ID == "" {
		return Report{}, err
	}
	now.Report.Differences = differences(before, now)
	if out == "" {
		now.Report.Out = ""
	}
	if saveErr := d.save(now); err == nil && saveErr != nil {
		err = fmt.Errorf("keep the record of the run: %w", saveErr)
	}
	return now.Report, err
}

// differences compares two runs of one spec.
func differences(was, is Record) []Difference {
	var out []Difference
	add := func(what, was, is string) {
		if was != is {
			out = append(out, Difference{what, cmp.Or(was, "missing"), cmp.Or(is, "missing")})
		}
	}
	add("image", was.Image, is.Image)
	add("isolation", was.Report.Isolation.Level, is.Report.Isolation.Level)
	add("lock", was.Report.Lock, is.Report.Lock)
	trees := func(kind string, was, is map[string]string) {
		names := maps.Clone(was)
		if names == nil {
			names = map[string]string{}
		}
		maps.Copy(names, is)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			add(kind+" "+name, was[name], is[name])
		}
	}
	trees("input", was.Inputs, is.Inputs)
	add("end", was.Report.Ended, is.Report.Ended)
	add("exit status", strconv.Itoa(was.Report.ExitCode), strconv.Itoa(is.Report.ExitCode))
	add("stdout", was.Report.Stdout.SHA256, is.Report.Stdout.SHA256)
	add("stderr", was.Report.Stderr.SHA256, is.Report.Stderr.SHA256)
	trees("output", was.Outputs, is.Outputs)
	return out
}
