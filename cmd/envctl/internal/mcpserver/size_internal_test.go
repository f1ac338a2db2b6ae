package mcpserver

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/docker/untar"
)

// As many boxes as there may be, and files by the longest names that there are, fit
// into one answer.
func TestLongListsFit(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("\u00e9", 120)
	one := box.Box{ID: "b-aaaaaaaa", Image: "registry.example/" + name, Created: time.Unix(0, 0), Expires: time.Unix(1, 0), CPU: 0.25, Memory: 1 << 30}
	list := listAnswer(slices.Repeat([]box.Box{one}, 1000), "gvisor", funds{})
	if n := size(list.out) + size(list.text); n > Answer || len(list.out.Boxes) == 0 || len(list.out.Boxes)+list.out.Omitted != 1000 {
		t.Errorf("%d bytes, %d boxes, %d left out", n, len(list.out.Boxes), list.out.Omitted)
	}
	if few := listAnswer([]box.Box{one, one}, "gvisor", funds{}); len(few.out.Boxes) != 2 || few.out.Omitted != 0 {
		t.Errorf("%+v", few.out)
	}
	names := slices.Repeat([]string{strings.Repeat(name+"/", 16)}, 20)
	fetched := fetchAnswer(funds{}.of(one), "results", untar.Summary{Skipped: 20, SkippedNames: names})
	if n := size(fetched.out) + size(fetched.text); n > Answer || len(fetched.out.Names) != 20 {
		t.Errorf("%d bytes, %d names", n, len(fetched.out.Names))
	}
}
