package state_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

// open opens a state folder of the test's own.
func open(t testing.TB) *state.Dir {
	t.Helper()
	path := t.TempDir() + "/state"
	d, err := state.Open(func(name string) string { return map[string]string{"ENVCTL_STATE_DIR": path}[name] })
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// record is one with everything in it; its plan has the size of three apps'.
func record(i int) state.Record {
	began := time.Date(2026, 11, 23, 20, 0, i, 0, time.UTC)
	r := state.Record{
		Ref:     stacks.Ref{Experiment: fmt.Sprintf("experiment-%04d", i), Instance: "default", Target: "local"},
		Created: began, TTL: 8 * time.Hour, Expires: began.Add(8 * time.Hour), File: "/home/somebody/experiments/envctl.yaml",
		Definition: "0123456789abcdef", Last: state.Started("up", began).Finished(began.Add(time.Second), nil),
		Plan: json.RawMessage(`{"workloads":["` + string(bytes.Repeat([]byte("x<y>&z "), 400)) + `"]}`),
	}
	r.AddPulled("docker.io/library/postgres@sha256:0123456789abcdef")
	return r
}

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// The bar is 20 ms for 1,000 records.
func BenchmarkList1000(b *testing.B) {
	d := open(b)
	for i := range 1000 {
		if err := d.Save(record(i)); err != nil {
			b.Fatal(err)
		}
	}
	before := processorTime(b)
	for b.Loop() {
		if list, err := d.List(); err != nil || len(list) != 1000 {
			b.Fatal(len(list), err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op") // what counts on a busy machine
}
