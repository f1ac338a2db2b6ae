package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/console"
)

// jobLog passes on what an execution writes: from the log stream while it runs,
// and from Log Analytics what the stream did not have any more.
type jobLog struct {
	execution *execution
	out       io.Writer
	connected bool // the stream had something to connect to
	seen      map[string]time.Time
	failed    error // of out
}

// historyPatience is how long a log that was never streamed is looked for in Log
// Analytics, which has it some minutes late.
const historyPatience = 3 * time.Minute

// follow streams the replicas of the execution one after another (a retry is
// another replica) until ctx ends.
func (l *jobLog) follow(ctx context.Context) {
	for pause := firstLook; ctx.Err() == nil && l.failed == nil; pause = min(2*pause, jobLook) {
		l.stream(ctx, true)
		if l.execution.target.wait(ctx, pause) != nil {
			return
		}
	}
}

// stream reads each replica's stream, which is there as long as the replica is.
func (l *jobLog) stream(ctx context.Context, follow bool) {
	e := l.execution
	consoles, err := e.consoles(ctx)
	if err != nil {
		return // not yet, or not any more: rest has the rest
	}
	for _, at := range consoles {
		o := console.StreamOptions{Follow: follow, Tail: console.MaxTail, After: l.seen[at.Path]}
		err := console.Stream(ctx, e.target.Client.HTTPClient(), at, o, func(entry console.Entry) error {
			return l.write(at.Path, entry)
		})
		if err == nil || l.seen[at.Path] != (time.Time{}) {
			l.connected = true
		}
	}
}

func (l *jobLog) write(path string, entry console.Entry) error {
	if l.seen == nil {
		l.seen = map[string]time.Time{}
	}
	if entry.Time.After(l.seen[path]) {
		l.seen[path] = entry.Time
	}
	if l.out == nil {
		return nil
	}
	if _, err := fmt.Fprintln(l.out, entry.Text); err != nil {
		l.failed = err
		return err
	}
	return nil
}

// rest passes on what was written last, after the execution has ended.
func (l *jobLog) rest(ctx context.Context) error {
	if l.failed != nil {
		return l.failed
	}
	l.stream(ctx, false)
	if l.connected || l.failed != nil {
		return l.failed
	}
	e := l.execution
	began := e.target.now()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		list, err := e.target.history(ctx, e.environment, console.Query{Column: "ContainerGroupName_s", Name: e.name, Tail: -1})
		if err != nil {
			return err
		}
		for _, entry := range list {
			if err := l.write("", entry); err != nil {
				return err
			}
		}
		if len(list) > 0 {
			return nil
		}
		if e.target.now().Sub(began) >= historyPatience {
			return errors.New("neither the log stream nor Log Analytics has a line of it: Log Analytics has it some minutes late")
		}
		if err := e.target.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// consoles are those of the execution's replicas.
func (e *execution) consoles(ctx context.Context) ([]console.Address, error) {
	replicas, err := e.target.Client.List(ctx, e.path()+"/replicas", ask.JobReplicas)
	if err != nil || len(replicas) == 0 {
		return nil, err
	}
	token, host, err := e.target.consoleToken(ctx, e.job+"/getAuthToken", ask.JobReplicas)
	if err != nil {
		return nil, err
	}
	below := fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/jobs/%s/executions/%s/replicas/",
		e.target.Client.Subscription(), ask.NameOf(ask.GroupOf(e.job)), ask.NameOf(e.job), e.name)
	return addresses(replicas, e.workload.Name, below, host, token)
}
