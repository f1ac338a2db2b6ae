package rm

import (
	"time"

	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Fire starts the jobs whose schedule was due after since, and says how many. The
// executions go on in the background.
func (s *Server) Fire(since time.Time) (int, error) {
	var work []rp.Effect
	err := s.Store.Do(func(st *store.State) error {
		for _, r := range st.OfType(jobType) {
			if effects, ok := rp.Fire(s.World, st, r, since, s.Now()); ok {
				work = append(work, effects...)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, e := range work {
		if s.Runner != nil {
			s.group.Go(func() { s.execute(e) })
		}
	}
	return len(work), nil
}
