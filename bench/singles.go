package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// single is one program that is timed by itself, without containers.
type single struct {
	Name    string   `json:"name"`
	Summary summary  `json:"summary"`
	Samples []sample `json:"samples"`

	env  []string
	args []string
}

// timeSingles runs every program rounds times, in turn, after one run each that
// is not kept.
func timeSingles(ctx context.Context, list []*single, rounds int) error {
	for round := range rounds + 1 {
		for _, x := range list {
			s, _, err := execute(ctx, x.env, x.args)
			if err != nil {
				return err
			}
			if round > 0 {
				x.Samples = append(x.Samples, s)
			}
		}
	}
	for _, x := range list {
		x.Summary = summarize(x.Samples)
	}
	return nil
}

// empties runs the programs that time an engine with no resources, in turn, and
// returns their series as "NAME STEP". Both print the JSON of stockbench.
func empties(ctx context.Context, programs map[string][]string, order []string, rounds int) ([]*single, error) {
	series := map[string]*single{}
	var list []*single
	for range rounds {
		for _, who := range order {
			_, out, err := execute(ctx, nil, programs[who])
			if err != nil {
				return nil, err
			}
			var t struct{ Up, Unchanged, Down float64 }
			if err := json.Unmarshal(out, &t); err != nil {
				return nil, fmt.Errorf("%s printed %q: %w", programs[who][0], out, err)
			}
			for step, seconds := range map[string]float64{stepUp: t.Up, stepUnchanged: t.Unchanged, stepDown: t.Down} {
				name := who + " empty " + step
				if series[name] == nil {
					series[name] = &single{Name: name}
					list = append(list, series[name])
				}
				series[name].Samples = append(series[name].Samples, sample{Seconds: seconds})
			}
		}
	}
	for _, x := range list {
		x.Summary = summarize(x.Samples)
	}
	return list, nil
}

// recorded is the name that a real experiment is brought up with to be copied;
// the copies' names are as long, so nothing in a record shifts.
const recorded = "bench-0000"

// record makes n recorded experiments in the home that env names: one is brought
// up and its records are copied under other names. It returns how to remove the
// real one.
func record(ctx context.Context, bin, dir string, n int) (down []string, err error) {
	file, err := writeEach(filepath.Join(dir, "records"), "envctl.yaml", []int{1}, func(int) any { return definition(recorded, 1) })
	if err != nil {
		return nil, err
	}
	down = []string{bin, "down", "-f", file(1)}
	if _, _, err := execute(ctx, privateHome(dir), []string{bin, "up", "-f", file(1)}); err != nil {
		return down, err
	}
	for i := 1; i < n; i++ {
		if err := copyRecords(dir, fmt.Sprintf("bench-%04d", i)); err != nil {
			return down, err
		}
	}
	return down, countListed(ctx, bin, dir, n)
}

// copyRecords copies every file below dir's state folder whose path has the
// recorded name in it, with the name replaced in the path and in the content.
func copyRecords(dir, name string) error {
	root := filepath.Join(dir, "state")
	var files []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path[len(root):], recorded) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no file below %s is named after the experiment %q", root, recorded)
	}
	for _, from := range files {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		to := root + strings.ReplaceAll(from[len(root):], recorded, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(to, []byte(strings.ReplaceAll(string(data), recorded, name)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// countListed fails unless `envctl list` sees n experiments.
func countListed(ctx context.Context, bin, dir string, n int) error {
	_, out, err := execute(ctx, privateHome(dir), []string{bin, "list", "-o", "json"})
	if err != nil {
		return err
	}
	var list struct{ Experiments []json.RawMessage }
	if err := json.Unmarshal(out, &list); err != nil {
		return err
	}
	if len(list.Experiments) != n {
		return fmt.Errorf("envctl list shows %d experiments; %d were recorded", len(list.Experiments), n)
	}
	return nil
}
