package images

import "sync"

// once keeps the first answer to each question, an error too; who asks the same
// meanwhile waits for it. The zero value is ready.
type once[T any] struct {
	mu      sync.Mutex
	answers map[string]func() (T, error)
}

func (o *once[T]) do(key string, find func() (T, error)) (T, error) {
	o.mu.Lock()
	answer, asked := o.answers[key]
	if !asked {
		if o.answers == nil {
			o.answers = map[string]func() (T, error){}
		}
		answer = sync.OnceValues(find)
		o.answers[key] = answer
	}
	o.mu.Unlock()
	return answer()
}
