package engine_test

import (
	"fmt"
	"testing"

	"github.com/envctl/envctl/stacks"
)

// BenchmarkLargeStack is an up of 300 resources and one that changes nothing.
func BenchmarkLargeStack(b *testing.B) {
	var things []thing
	for i := range 300 {
		things = append(things, thing{name: fmt.Sprintf("thing%d", i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		e := newEngine(b, b.TempDir(), withWorld(newWorld()))
		for _, want := range []int{300, 0} {
			_, changes, err := e.Up(b.Context(), ref, of(things...), stacks.Options{})
			if err != nil || changes.Create != want {
				b.Fatalf("up: %+v, %v", changes, err)
			}
		}
	}
}
