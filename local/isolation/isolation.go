// Package isolation chooses what separates a workload from the machine: the kernel
// that all containers share, a kernel of gVisor's in user space (runsc), or a
// virtual machine (Kata Containers). Each is a runtime that an engine has
// registered under a name; [Of] knows the names, and [Choose] takes one.
package isolation

import (
	"fmt"
	"slices"
	"strings"
)

// What targets.local.isolation can be. The last three are the levels, the weakest
// first.
const (
	Auto      = "auto" // the same as leaving it out
	Container = "container"
	GVisor    = "gvisor"
	VM        = "vm"
)

// Settings are all of them.
func Settings() []string { return []string{Auto, Container, GVisor, VM} }

// Fix is the command that registers a stronger runtime.
const Fix = "envctl doctor --fix isolation"

// Of returns the level of a runtime by the name that engines know it by; "" for a
// name that says nothing of what it does.
func Of(runtime string) string {
	// Shims are named io.containerd.NAME.vN.
	name := strings.TrimPrefix(strings.ToLower(runtime), "io.containerd.")
	switch {
	case strings.HasPrefix(name, "kata"):
		return VM
	case strings.HasPrefix(name, "runsc"):
		return GVisor
	}
	name, _, _ = strings.Cut(name, ".")
	switch name {
	// The last runs runc, with a hook before it.
	case "runc", "crun", "youki", "nvidia":
		return Container
	}
	return ""
}

// Engine is what an engine has.
type Engine struct {
	Runtimes []string // by name
	Default  string   // that a container gets which names none
}

// Choice is what a container is run with.
type Choice struct {
	Level string // container, gvisor or vm; "" where the engine's default is of no known name
	// Runtime is the name to ask the engine for; "" is its default.
	Runtime string
}

// Error is an isolation that cannot be had.
type Error struct {
	Setting  string
	Runtimes []string
}

// Error says what was asked for and what is there.
func (e *Error) Error() string {
	return fmt.Sprintf("isolation %q cannot be had: the engine has the runtimes %s, and none of them is one of %s",
		e.Setting, strings.Join(e.Runtimes, ", "), words[e.Setting])
}

// words say what a level is made by, for an error.
var words = map[string]string{GVisor: "gVisor's (runsc)", VM: "Kata's (kata)", Container: "a container's (runc)"}

// Hint says what mends it.
func (e *Error) Hint() string {
	if e.Setting == VM {
		return "install Kata Containers, which needs a processor that virtualises, and register it with the engine; or set targets.local.isolation to gvisor or auto"
	}
	return "run `" + Fix + "`, or set targets.local.isolation to auto"
}

// Code is the error's in machine-readable output.
func (e *Error) Code() string { return "isolation" }

// Path is where the definition asks for it.
func (e *Error) Path() string { return "targets.local.isolation" }

// Choose takes a runtime for a setting of targets.local.isolation. Where it is auto,
// strongest takes the strongest that is registered, as a one-shot run does; else
// the engine's default is taken, as apps do. A level that is asked for by name and
// is not registered is an [*Error]: nothing weaker is taken in its place.
func Choose(setting string, e Engine, strongest bool) (Choice, error) {
	levels := []string{setting}
	if setting == "" || setting == Auto {
		if !strongest {
			return Choice{Level: Of(e.Default)}, nil
		}
		levels = []string{VM, GVisor, Container}
	}
	for _, level := range levels {
		if Of(e.Default) == level {
			return Choice{Level: level}, nil
		}
		if at := slices.IndexFunc(e.Runtimes, func(r string) bool { return Of(r) == level }); at >= 0 {
			return Choice{Level: level, Runtime: e.Runtimes[at]}, nil
		}
	}
	if len(levels) > 1 {
		return Choice{Level: Of(e.Default)}, nil
	}
	return Choice{}, &Error{Setting: setting, Runtimes: e.Runtimes}
}

// Strongest is the strongest level that an engine has a runtime of.
func Strongest(e Engine) string {
	choice, _ := Choose(Auto, e, true) // auto is never refused
	return choice.Level
}
