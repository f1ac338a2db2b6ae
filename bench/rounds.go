package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The steps that are timed, in the order they are run.
const (
	stepUp        = "up"
	stepUnchanged = "unchanged up"
	stepDown      = "down"
)

// cell is one series: a contender's step with n containers.
type cell struct {
	Who     string   `json:"who"`
	Step    string   `json:"step"`
	N       int      `json:"containers"`
	Summary summary  `json:"summary"`
	Samples []sample `json:"samples"`
}

// race runs the contenders' cycles and keeps the samples.
type race struct {
	contenders []contender
	sizes      []int
	witness    witness
	log        io.Writer
	cells      []*cell
	// unequal are the settings that the engine was asked for differently.
	unequal []string
}

// run times the given number of rounds. In a round every contender has its turn
// at every size; who begins moves on by one each round, so that none always
// follows the same other. One cycle each before the first round warms caches and
// is not kept. Whatever happens, nothing of theirs is left on the engine.
func (r *race) run(ctx context.Context, rounds int) (err error) {
	if err := r.sweep(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.sweep(context.WithoutCancel(ctx))) }()
	if err := r.warm(ctx); err != nil {
		return err
	}
	for round := range rounds {
		for _, n := range r.sizes {
			for i := range r.contenders {
				c := r.contenders[(i+round)%len(r.contenders)]
				if err := r.cycle(ctx, c, n, r.keep); err != nil {
					return err
				}
			}
		}
		fmt.Fprintf(r.log, "round %d of %d done\n", round+1, rounds)
	}
	for _, c := range r.cells {
		c.Summary = summarize(c.Samples)
	}
	return nil
}

// warm runs one cycle of the smallest size each, and compares what the engine
// was asked for with the bare client's where that is among them.
func (r *race) warm(ctx context.Context) error {
	settings := map[string]map[string]any{}
	for _, c := range r.contenders {
		seen := func(_ contender, step string, _ int, _ sample) (err error) {
			if step == stepUp {
				settings[c.name], err = r.witness.settings(ctx, c.label)
			}
			return err
		}
		if err := r.cycle(ctx, c, slices.Min(r.sizes), seen); err != nil {
			return err
		}
	}
	if settings["bare"] == nil {
		return nil // there is nothing to compare with
	}
	for _, c := range r.contenders {
		r.unequal = append(r.unequal, differences(c.name, settings[c.name], settings["bare"])...)
	}
	return nil
}

// cycle is up, unchanged up where the contender has one, and down, each checked
// with the engine before it counts.
func (r *race) cycle(ctx context.Context, c contender, n int, done func(contender, string, int, sample) error) error {
	steps := []struct {
		name string
		line []string
		left int
	}{{stepUp, c.up(n), n}, {stepUnchanged, c.up(n), n}, {stepDown, c.down(n), 0}}
	for _, step := range steps {
		if step.name == stepUnchanged && !c.again {
			continue
		}
		s, _, err := execute(ctx, c.env, step.line)
		if err != nil {
			return err
		}
		if err := r.witness.expect(ctx, c.label, step.left); err != nil {
			return fmt.Errorf("after %s of %s: %w", step.name, c.name, err)
		}
		if err := done(c, step.name, n, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *race) keep(c contender, step string, n int, s sample) error {
	fmt.Fprintf(r.log, "  %-8s %-12s %3d  %7.3f s\n", c.name, step, n, s.Seconds)
	i := slices.IndexFunc(r.cells, func(x *cell) bool { return x.Who == c.name && x.Step == step && x.N == n })
	if i < 0 {
		i = len(r.cells)
		r.cells = append(r.cells, &cell{Who: c.name, Step: step, N: n})
	}
	r.cells[i].Samples = append(r.cells[i].Samples, s)
	return nil
}

func (r *race) sweep(ctx context.Context) error {
	for _, c := range r.contenders {
		if err := r.witness.sweep(ctx, c.label); err != nil {
			return fmt.Errorf("removing what %s left: %w", c.name, err)
		}
	}
	return nil
}

// calibrate finds, for each size, how many containers at a time the bare client
// is quickest with: the best of two cycles with 1, 4 and 10.
func calibrate(ctx context.Context, self string, sizes []int, w witness, log io.Writer) (map[int]int, error) {
	best := map[int]int{}
	for _, n := range sizes {
		least := 0.0
		for _, p := range []int{1, 4, 10} {
			if p > n {
				break
			}
			r := race{sizes: []int{n}, witness: w, log: log,
				contenders: []contender{newBare(self, func(int) int { return p })}}
			if err := r.run(ctx, 2); err != nil {
				return nil, err
			}
			took := r.total()
			fmt.Fprintf(log, "bare client, %d containers, %d at a time: up and down in %.3f s\n", n, p, took)
			if best[n] == 0 || took < least {
				best[n], least = p, took
			}
		}
	}
	return best, nil
}

// total is the sum of the quickest sample of every cell, in seconds.
func (r *race) total() (seconds float64) {
	for _, c := range r.cells {
		seconds += c.Summary.Min
	}
	return seconds
}
