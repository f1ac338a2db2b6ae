//go:build !linux

package containment

import (
	"context"
	"errors"
	"time"
)

func newCanary(context.Context, string) (*canary, error) {
	return nil, errors.New("this system has none")
}

func forgetCanary(context.Context, string) {}

func forgetMemory() {}

func overhear(string) *canary { return nil }

func settle() { time.Sleep(200 * time.Millisecond) }

// plantMemory makes no segment: there is no host beside the engine's own machine.
func plantMemory() (int, func()) { return 0, func() {} }
