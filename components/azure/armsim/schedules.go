package armsim

import (
	"context"
	"net/http"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/entra"
	"github.com/envctl/envctl/components/azure/armsim/rm"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Scheduled says whether there is a job that its schedule starts.
func (s *Simulator) Scheduled() (found bool, err error) {
	err = s.store.Do(func(st *store.State) error {
		for _, r := range st.OfType("Microsoft.App/jobs") {
			found = found || rp.Scheduled(r)
		}
		return nil
	})
	return found, err
}

// mostLate is how late a schedule may be: what was due while nobody looked, as
// while the machine slept, is not made up for.
const mostLate = 2 * time.Minute

// Schedules starts the jobs of a simulator's folder when their schedules are due,
// in a process beside the one that was started, as [Simulator.Answers].
type Schedules struct {
	manager *rm.Server
	now     func() time.Time
	since   time.Time // what was due until then is done
	end     context.CancelFunc
}

// Schedules begins now: what was due before is not made up for. answers is what
// [Simulator.Answers] gave. The executions go on until ctx ends.
func (s *Simulator) Schedules(ctx context.Context, answers http.Handler) (*Schedules, error) {
	k, err := s.keys()
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	o := s.options
	return &Schedules{now: o.Now, since: o.Now(), end: end, manager: rm.New(ctx, rm.Config{
		Store: s.store, World: &rp.World{Seed: o.Seed, Runs: o.Runner != nil}, Signer: entra.Signer{Key: k.Key}, Now: o.Now,
		Runner: o.Runner, Platform: answers, Folders: foldersOf(planesOf(s.dir)),
	})}, nil
}

// Look starts what has been due since the last look, and says how many it were.
func (x *Schedules) Look() (int, error) {
	now := x.now()
	since := x.since
	if earliest := now.Add(-mostLate); since.Before(earliest) {
		since = earliest
	}
	x.since = now
	return x.manager.Fire(since)
}

// Run looks at the beginning of each minute until ctx ends.
func (x *Schedules) Run(ctx context.Context) {
	for {
		now := x.now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(now.Truncate(time.Minute).Add(time.Minute).Sub(now)):
		}
		_, _ = x.Look() // a state that cannot be read is told by whoever works on it
	}
}

// Close ends what follows executions; they themselves go on.
func (x *Schedules) Close() {
	x.end()
	x.manager.Wait()
}
