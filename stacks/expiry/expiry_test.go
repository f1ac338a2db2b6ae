package expiry_test

import (
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
	"github.com/envctl/envctl/stacks/state"
)

var (
	noon  = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	never time.Time
)

func at(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rec  state.Record
		st   stacks.State
		want time.Time
	}{
		"nothing known":                        {want: never},
		"record alone":                         {rec: state.Record{Expires: at(1)}, want: at(1)},
		"labels alone":                         {st: stacks.State{Expires: at(1)}, want: at(1)},
		"labels against a record":              {rec: state.Record{Expires: at(2)}, st: stacks.State{Expires: at(1)}, want: at(1)},
		"moved, by the record alone":           {rec: state.Record{Expires: at(2), Moved: true}, st: stacks.State{Expires: at(1)}, want: at(2)},
		"moved, by the target":                 {rec: state.Record{Expires: at(2), Moved: true}, st: stacks.State{Expires: at(3), Moved: true}, want: at(3)},
		"moved to never, though once labelled": {rec: state.Record{Expires: at(2)}, st: stacks.State{Moved: true}, want: never},
	} {
		if got := expiry.Deadline(test.rec, test.st); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	moved := state.Record{Created: noon, Expires: at(5), Moved: true}
	for name, test := range map[string]struct {
		rec   state.Record
		ttl   time.Duration
		asked bool
		want  time.Time
		moved bool
	}{
		"no ttl":                        {rec: state.Record{Created: noon}, want: never},
		"ttl":                           {rec: state.Record{Created: noon}, ttl: time.Hour, want: at(1)},
		"shorter ttl":                   {rec: state.Record{Created: noon, Expires: at(5)}, ttl: time.Hour, want: at(1)},
		"ttl left out":                  {rec: state.Record{Created: noon, Expires: at(5)}, want: never},
		"extended":                      {rec: moved, ttl: time.Hour, want: at(5), moved: true},
		"extended, ttl left out":        {rec: moved, want: at(5), moved: true},
		"extended, longer ttl":          {rec: moved, ttl: 6 * time.Hour, want: at(6)},
		"extended, shorter ttl asked":   {rec: moved, ttl: time.Hour, asked: true, want: at(5), moved: true},
		"extended, not to expire asked": {rec: moved, asked: true, want: never},
	} {
		got, stays := expiry.Next(test.rec, test.ttl, test.asked)
		if !got.Equal(test.want) || stays != test.moved {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, stays, test.want, test.moved)
		}
	}
}

func TestMove(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		move              expiry.Move
		deadline, created time.Time
		want              time.Time // zero: an error
	}{
		"by":                        {move: expiry.Move{By: time.Hour}, deadline: at(2), want: at(3)},
		"by, of one that is over":   {move: expiry.Move{By: time.Hour}, deadline: at(-2), want: at(1)},
		"by, of one without":        {move: expiry.Move{By: time.Hour}},
		"ttl":                       {move: expiry.Move{TTL: 5 * time.Hour}, deadline: at(2), created: at(-1), want: at(4)},
		"ttl of one without":        {move: expiry.Move{TTL: 5 * time.Hour}, created: at(-1), want: at(4)},
		"ttl that has passed":       {move: expiry.Move{TTL: time.Hour}, created: at(-1)},
		"ttl without a creation":    {move: expiry.Move{TTL: time.Hour}},
		"until":                     {move: expiry.Move{Until: at(1)}, want: at(1)},
		"until sooner":              {move: expiry.Move{Until: at(1)}, deadline: at(9), want: at(1)},
		"until a fraction":          {move: expiry.Move{Until: at(1).Add(time.Millisecond)}, want: at(1)},
		"until what has passed":     {move: expiry.Move{Until: at(0)}},
		"until beyond a year":       {move: expiry.Move{Until: at(366 * 24)}},
		"by, beyond what a time is": {move: expiry.Move{By: 1<<63 - 1}, deadline: at(2)},
	} {
		got, err := test.move.To(test.deadline, test.created, noon)
		if !got.Equal(test.want) || (err == nil) != !test.want.IsZero() {
			t.Errorf("%s: %v, %v; want %v", name, got, err, test.want)
		}
	}
}
