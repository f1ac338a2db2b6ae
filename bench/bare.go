package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

const (
	bareName  = "envctl-bench-bare"
	bareLabel = "dev.envctl.bench"
)

// bare is the whole of the bare API client: `bench bare up|down -n N -p P`. It
// makes the calls that cannot be left out, P containers at a time, and no other:
// no look at what is there, no state, no waiting.
func bare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	n := flags.Int("n", 1, "containers")
	p := flags.Int("p", 1, "containers at a time")
	if len(args) == 0 {
		return fmt.Errorf("expected: bench bare up|down [-n N] [-p P]")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer engine.Close()
	switch args[0] {
	case "up":
		return bareUp(ctx, engine, *n, *p)
	case "down":
		return bareDown(ctx, engine, *n, *p)
	}
	return fmt.Errorf("unknown verb %q: expected up or down", args[0])
}

func bareUp(ctx context.Context, engine *client.Client, n, p int) error {
	if _, err := engine.NetworkCreate(ctx, bareName, bareNetwork()); err != nil {
		return err
	}
	return each(ctx, n, p, func(ctx context.Context, i int) error {
		made, err := engine.ContainerCreate(ctx, bareContainer(appName(i), bareName))
		if err != nil {
			return err
		}
		_, err = engine.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
		return err
	})
}

func bareDown(ctx context.Context, engine *client.Client, n, p int) error {
	err := each(ctx, n, p, func(ctx context.Context, i int) error {
		_, err := engine.ContainerRemove(ctx, bareName+"."+appName(i), client.ContainerRemoveOptions{Force: true})
		return err
	})
	if err != nil {
		return err
	}
	_, err = engine.NetworkRemove(ctx, bareName, client.NetworkRemoveOptions{})
	return err
}

// each calls f for 0…n-1, p at a time, and returns the first error.
func each(ctx context.Context, n, p int, f func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}
