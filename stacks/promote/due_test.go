package promote_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/envctl/envctl/stacks/promote"
)

// A receipt is owed until it is settled, by its own experiment and instance, and
// stays a receipt all the time.
func TestDues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if list, err := promote.Dues(dir, "exp", "default"); list != nil || err != nil {
		t.Fatalf("%v, %v", list, err)
	}
	r := promote.Receipt{Experiment: "exp", Instance: "default", When: now, Who: "ann"}
	later := r
	later.When = now.Add(time.Hour)
	due := promote.Due{Registry: "r.azurecr.io", Images: map[string]string{"exp/api": digest}}
	for _, one := range []promote.Receipt{later, r} {
		path, err := promote.Save(dir, one)
		if err != nil {
			t.Fatal(err)
		}
		if err := promote.Owe(path, due); err != nil {
			t.Fatal(err)
		}
	}
	list, err := promote.Dues(dir, "exp", "default")
	content, _ := r.JSON()
	want := due
	want.Content, want.When = content, now
	if err != nil || len(list) != 2 || !list[1].When.Equal(later.When) {
		t.Fatalf("%+v, %v", list, err)
	}
	if diff := cmp.Diff(want, list[0], cmpopts.IgnoreUnexported(promote.Due{})); diff != "" {
		t.Error(diff)
	}
	if other, err := promote.Dues(dir, "exp", "other"); len(other) != 0 || err != nil {
		t.Errorf("%v, %v", other, err)
	}
	if err := list[0].Settled(); err != nil {
		t.Fatal(err)
	}
	if left, err := promote.Dues(dir, "exp", "default"); len(left) != 1 || err != nil {
		t.Errorf("%v, %v", left, err)
	}
	if kept, err := promote.Receipts(dir, "exp", "default"); len(kept) != 2 || err != nil {
		t.Errorf("%v, %v", kept, err)
	}
	entries, _ := os.ReadDir(dir + "/receipts")
	if len(entries) != 3 {
		t.Errorf("%v", entries)
	}
}
