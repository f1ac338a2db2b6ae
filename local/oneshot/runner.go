package oneshot

import (
	"context"
	"io"
	"time"

	"github.com/envctl/envctl/local/docker/untar"
)

// Runner has images and runs programs in sandboxes made of them. A Docker Engine
// is one (package dockerrun).
type Runner interface {
	// Image returns what a name means now, or the image of that digest or ID. It
	// fetches what it does not have.
	Image(ctx context.Context, name string) (Image, error)
	// Layer returns the image that an earlier call of AddLayer made with this key;
	// false: there is none.
	Layer(ctx context.Context, key string) (Image, bool, error)
	// AddLayer makes an image of a base and one layer of files.
	AddLayer(ctx context.Context, l LayerRequest) (Image, error)
	// Run runs a program in a fresh sandbox, of no network where it has neither Index
	// nor Egress, and leaves nothing. A
	// program that fails is no error. When ctx ends, the program gets SIGTERM, after
	// Grace SIGKILL, and the error is the cause of ctx.
	Run(ctx context.Context, p Program, s Streams) (Ended, error)
	// Reap removes what callers that were killed left.
	Reap(ctx context.Context) (int, error)
}

// Image is an image that a runner has.
type Image struct {
	// Ref is NAME@DIGEST or an ID: it never means something else.
	Ref        string
	User       string // as the image says it
	WorkDir    string
	Entrypoint []string
	Cmd        []string
	Volumes    []string // folders that it declares as volumes
	Arch       string   // of Go
}

// LayerRequest is an image to make.
type LayerRequest struct {
	Base Image
	Key  string // the image is found by it
	Lock string // hash of the packages' lock
	// Tar writes the layer's files: paths without a leading slash.
	Tar func(w io.Writer) error
}

// Program is one program to run.
type Program struct {
	ID      string // of the run
	Image   Image
	Command []string // nil: the image's entrypoint
	Args    []string // nil with a nil Command: the image's own
	Env     []string // NAME=VALUE
	// Live is a variable, as NAME=VALUE, by which the program writes its output at once
	// and unbuffered; empty: there is none. It is left out where a write may be cut short.
	Live    string
	WorkDir string // empty: the image's
	UID     int    // user and group

	CPU             float64
	Memory, Scratch int64
	Timeout, Grace  time.Duration
	Expires         time.Time // it is anybody's to remove after this
	Isolation       string    // auto, container, gvisor or vm; empty: auto
	// Index is the package index that it may reach, and Egress are hosts, as in a
	// definition; it has one of them at most. None of both: it has no network.
	Index  *Index
	Egress []string

	// In writes what InDir has, as a tar; nil: there is no such folder.
	In func(w io.Writer) error
	// Out is the folder for what is in OutDir at the end; empty: it is dropped.
	Out       string
	OutLimits untar.Limits
}

// Index is a package index, the only thing that a build step may reach.
type Index struct {
	URL string
	// Hosts are where its files are beside the index itself, as in a definition's
	// egress.
	Hosts []string
	// Env is what tells a program where the index is, for the address that it has
	// from inside.
	Env func(url string) []string
}

// Streams are a program's standard streams. A nil Stdin is empty, a nil writer
// drops what is written.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Ended is how a program ended.
type Ended struct {
	ExitCode  int
	OOMKilled bool
	TimedOut  bool
	Started   time.Time
	Finished  time.Time
	Usage     Usage
	Isolation Isolation
	Files     untar.Summary
	Egress    *Egress // what it tried to reach; nil: it had no network
}
