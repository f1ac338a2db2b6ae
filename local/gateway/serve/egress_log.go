package serve

import (
	"context"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// logRefused and logAllowed are how long an event like the last one is only
	// counted.
	logRefused = 10 * time.Second
	logAllowed = time.Minute
	// logHosts is how many different events of an app are held at a time. With
	// what a host's name has at most it is below 100 KB for an app.
	logHosts = 128
	// logBurst and logRate are how many events an app may cause at once, and then
	// each second: 3 MB an hour at most.
	logBurst = 200
	logRate  = 4
)

// reasonMore is the reason of an event that stands for others.
const reasonMore = "more than are told one by one, to other hosts or for other reasons"

// egressLog tells what workloads wanted to reach, so that one that tries a
// million hosts can fill neither the log nor the memory, and cannot keep the
// events of another from being told. Nothing is lost but the names of hosts: what
// is not told one by one is counted.
type egressLog struct {
	events *emitter
	now    func() time.Time

	mu   sync.Mutex
	apps map[string]*appLog
}

// appLog is what is held of one app.
type appLog struct {
	held   map[wish]*tally
	more   [2]tally // by allowed
	tokens float64
	filled time.Time
}

// wish is what makes two egress events alike.
type wish struct {
	host, reason string
	allowed      bool
}

func newEgressLog(events *emitter) *egressLog {
	return &egressLog{events: events, now: time.Now, apps: map[string]*appLog{}}
}

func (l *egressLog) refused(app, host, reason string) { l.tell(app, wish{host: host, reason: reason}) }

func (l *egressLog) allowed(app, host, reason string) {
	l.tell(app, wish{host: host, reason: reason, allowed: true})
}

func (l *egressLog) tell(app string, w wish) {
	w.host = protocol.Reason(w.host)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	a := l.apps[app]
	if a == nil {
		a = &appLog{held: map[wish]*tally{}, tokens: logBurst, filled: now}
		l.apps[app] = a
	}
	t := a.held[w]
	if t == nil {
		if len(a.held) >= logHosts || !a.take(now) {
			a.more[index(w.allowed)].count++
			return
		}
		t = &tally{}
		a.held[w] = t
		t.count++
		l.write(app, w, t, now)
		return
	}
	t.count++
}

// take reports whether an event may be written now.
func (a *appLog) take(now time.Time) bool {
	a.tokens = min(logBurst, a.tokens+now.Sub(a.filled).Seconds()*logRate)
	a.filled = now
	if a.tokens < 1 {
		return false
	}
	a.tokens--
	return true
}

// run writes from time to time what was only counted.
func (l *egressLog) run(ctx context.Context) error {
	for sleep(ctx, time.Second) {
		l.flush(false)
	}
	return nil
}

// end writes what was only counted so far.
func (l *egressLog) end() { l.flush(true) }

// flush writes the counts whose time has come, or all of them, and drops what has
// not happened again.
func (l *egressLog) flush(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for app, a := range l.apps {
		for w, t := range a.held {
			due := all || now.Sub(t.last) >= pause(w.allowed)
			switch {
			case !due:
			case t.count == 0:
				delete(a.held, w)
			case all || a.take(now):
				l.write(app, w, t, now)
			}
		}
		for i := range a.more {
			if t := &a.more[i]; t.count > 0 && (all || now.Sub(t.last) >= logRefused) {
				l.write(app, wish{reason: reasonMore, allowed: i == 1}, t, now)
			}
		}
	}
}

func (l *egressLog) write(app string, w wish, t *tally, now time.Time) {
	l.events.emit(protocol.Event{Event: protocol.EventEgress, App: app, Host: w.host, Reason: w.reason, Allowed: w.allowed, Count: t.count})
	t.last, t.count = now, 0
}

func pause(allowed bool) time.Duration {
	if allowed {
		return logAllowed
	}
	return logRefused
}

func index(allowed bool) int {
	if allowed {
		return 1
	}
	return 0
}
