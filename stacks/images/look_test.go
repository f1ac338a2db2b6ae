package images

import (
	"fmt"
	"slices"
	"testing"

	"github.com/envctl/envctl/local/registry"
)

func TestLookAtAndRemove(t *testing.T) {
	t.Parallel()
	s := newSide(t, registry.Options{})
	for i := range 3 {
		s.image(fmt.Sprintf("x/app%d", i), "v1", random(uint64(i), 10))
	}
	two := s.image("x/app0", "v2", random(9, 10))
	s.image("x/app0", "again", random(9, 10))
	got, err := Repositories(t.Context(), s.place(""))
	if err != nil || !slices.Equal(got, []string{"x/app0", "x/app1", "x/app2"}) {
		t.Errorf("%v, %v", got, err)
	}
	for reference, want := range map[string]bool{two.Digest.String(): true, "sha256:" + fmt.Sprintf("%064d", 0): false} {
		if has, err := Has(t.Context(), s.place("x/app0"), reference); has != want || err != nil {
			t.Errorf("%s: %v, %v", reference, has, err)
		}
	}
	for _, want := range []int{3, 0} {
		if n, err := RemoveTagged(t.Context(), s.place("x/app0")); n != want || err != nil {
			t.Errorf("%d, %v; expected %d", n, err, want)
		}
	}
	if n, err := RemoveTagged(t.Context(), s.place("x/none")); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
