package box

import (
	"bytes"
	"testing"
)

// What the programs of a box print takes so much of this machine's disk and no more;
// of what is beyond that the end is there.
func TestOutputOfABoxIsBounded(t *testing.T) {
	t.Parallel()
	var in room
	chunk := bytes.Repeat([]byte("x"), 8*mib)
	var all []*Output
	for range KeptOfBox/KeptOutput + 2 {
		o, err := newOutput(&in)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.close)
		for range KeptOutput / len(chunk) {
			if n, err := o.Write(chunk); n != len(chunk) || err != nil {
				t.Fatal(n, err)
			}
		}
		_, _ = o.Write([]byte("the end"))
		all = append(all, o)
	}
	kept := int64(0)
	for _, o := range all {
		kept += o.Kept()
		if w := o.Window(0, 1000); o.Total() != KeptOutput+7 || !bytes.HasSuffix(w.Tail, []byte("the end")) || w.Omitted != o.Total()-int64(len(w.Head)+len(w.Tail)) {
			t.Errorf("%d bytes, tail %q, %d left out", o.Total(), w.Tail, w.Omitted)
		}
	}
	if kept != KeptOfBox {
		t.Errorf("%d bytes are kept, expected %d", kept, int64(KeptOfBox))
	}
	// What is forgotten makes room, but not in the midst of an output.
	all[0].close()
	if _, _ = all[len(all)-1].Write(chunk); all[len(all)-1].Kept() != 0 {
		t.Error("an output has a gap")
	}
	next, err := newOutput(&in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.close)
	if _, _ = next.Write(chunk); next.Kept() != int64(len(chunk)) {
		t.Errorf("%d bytes of a new output are kept", next.Kept())
	}
}
