package dockerrun_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/oneshot"
)

// TestAgain repeats runs and looks for exactly the differences that there are.
func TestAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	data := r.file("data.csv", "1")
	other := r.file("code", "0")
	spec := python(`
import os
print(open("data.csv").read(), os.environ["SECRET"])
open("/out/copy", "w").write(open("data.csv").read())
raise SystemExit(int(open("code").read()))`)
	spec.Inputs, spec.Out, spec.Pass = []string{data, other}, filepath.Join(r.dir, "out"), map[string]string{"SECRET": "tiger"}
	first := r.fine(r.run(spec, ""))
	record, err := os.ReadFile(filepath.Join(r.deps.Dir, "runs", first.ID, "record.json"))
	if err != nil || bytes.Contains(record, []byte("tiger")) {
		t.Errorf("the record has a secret, or is not there: %v", err)
	}
	for _, row := range []struct {
		data, code, secret string
		want               []string
	}{
		{"1", "0", "tiger", nil},
		{"1", "0", "lion", []string{"stdout"}},
		{"2", "0", "tiger", []string{"input data.csv", "stdout", "output copy"}},
		{"1", "5", "tiger", []string{"input code", "exit status"}},
	} {
		r.file("data.csv", row.data)
		r.file("code", row.code)
		report, err := oneshot.Again(t.Context(), r.deps, first.ID, "", map[string]string{"SECRET": row.secret}, oneshot.Streams{})
		var got []string
		for _, d := range report.Differences {
			got = append(got, d.What)
		}
		if err != nil || !slices.Equal(got, row.want) || report.Again != first.ID || report.Image != first.Image {
			t.Errorf("%+v: %v, %v", row, report.Differences, err)
		}
	}
	for id, says := range map[string]string{first.ID: "SECRET", "20200101-000000-aaaaaa": "no record", "../x": "no record"} {
		if _, err := oneshot.Again(t.Context(), r.deps, id, "", nil, oneshot.Streams{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// The usual image of a language is what it was when it was first used.
func TestPinnedImage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.deps.Languages = r.file("languages.yaml", ".py: {image: 'envctl-test/pinned:"+strings.ToLower(filepath.Base(r.dir))+"'}")
	tag := "envctl-test/pinned:" + strings.ToLower(filepath.Base(r.dir))
	one, two := r.derive(map[string]string{"n": "1"}, "", ""), r.derive(map[string]string{"n": "2"}, "", "")
	spec := oneshot.Spec{File: "main.py", Source: []byte("print(1)")}
	for _, image := range []string{one, two} {
		r.tag(image, tag)
		// With the containerd store's ID a name may stand before it.
		if res := r.fine(r.run(spec, "")); !strings.HasSuffix(res.Image, one) || res.ImageName != tag {
			t.Errorf("ran in %s as %s, want %s", res.Image, res.ImageName, one)
		}
	}
	named := spec
	named.Image = tag
	if res := r.fine(r.run(named, "")); !strings.HasSuffix(res.Image, two) {
		t.Errorf("a name that was given is %s, want what it means now, %s", res.Image, two)
	}
}
