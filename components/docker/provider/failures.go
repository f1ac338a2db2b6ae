package provider

import "sync"

// failures are the containers that this operation could not make, so that what
// waits for one of them need not wait for nothing until its time is over.
type failures struct {
	mu    sync.Mutex
	names map[string]chan struct{}
}

// of returns a channel that is closed once the container of that name has failed.
func (f *failures) of(name string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.channel(name)
}

// note says that the container of that name has failed.
func (f *failures) note(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := f.channel(name)
	select {
	case <-ch:
	default:
		close(ch)
	}
}

func (f *failures) channel(name string) chan struct{} {
	if f.names == nil {
		f.names = map[string]chan struct{}{}
	}
	ch, ok := f.names[name]
	if !ok {
		ch = make(chan struct{})
		f.names[name] = ch
	}
	return ch
}
