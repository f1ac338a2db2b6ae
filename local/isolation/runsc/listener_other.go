//go:build !linux

package runsc

import (
	"context"
	"errors"
)

// listener cannot be had: the engine runs in a virtual machine.
func listener(context.Context, string) (int, error) { return 0, errors.ErrUnsupported }
