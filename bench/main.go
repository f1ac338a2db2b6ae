// Command bench times envctl against what else brings the same containers up:
// Docker Compose, a bare client of the engine's API (the physical limit), and,
// for the engine without containers, the stock Pulumi Automation API. All in one
// run, interleaved, on one machine; `make bench` builds what it needs.
//
//	bench -bin bin                # prints the tables, writes bench/results/TIME.json
//	bench -bin bin -write FILE    # and puts them between FILE's markers
//
// Before a sample counts, the engine is asked whether what the program says is
// so. What cannot be measured is named below the tables.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		err = bare(ctx, os.Args[2:])
	} else {
		err = run(ctx, os.Args[1:])
	}
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	bin, src, example, write, results string
	rounds                            int
	sizes                             []int
	check, front                      bool
}

func parse(args []string) (options, error) {
	var o options
	var sizes string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.bin, "bin", "bin", "folder with envctl, docker-compose, pulumi, stockbench, emptyup and gateway; one that is not there is left out")
	flags.StringVar(&o.src, "src", "bench", "folder of this program's source, for the image")
	flags.StringVar(&o.example, "example", "examples/csv-insights/envctl.yaml", "definition that `envctl check` is timed on")
	flags.StringVar(&o.write, "write", "", "put the tables between this file's markers")
	flags.StringVar(&o.results, "results", "bench/results", "folder for the samples as JSON")
	flags.IntVar(&o.rounds, "rounds", 5, "samples of each step")
	flags.StringVar(&sizes, "sizes", "1,10,30", "numbers of containers")
	flags.BoolVar(&o.front, "front", false, "call Compose as docker compose, through the docker CLI on PATH, not as docker-compose")
	flags.BoolVar(&o.check, "check", false, "end with status 1 when a bar is missed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for field := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-sizes %q: %q is not a number of containers", sizes, field)
		}
		o.sizes = append(o.sizes, n)
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("-rounds %d: at least 1", o.rounds)
	}
	bin, err := filepath.Abs(o.bin)
	o.bin = bin
	return o, err
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer engine.Close()
	dir, err := os.MkdirTemp("", "envctl-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.bin, err = install(o.bin, filepath.Join(dir, "bin")); err != nil {
		return err
	}
	r, err := describe(ctx, engine, o)
	if err != nil {
		return err
	}
	if err := loadImage(ctx, engine, image, filepath.Join(o.src, "pause"), dir); err != nil {
		return err
	}
	// What was measured before something failed is worth having.
	failed := measure(ctx, o, engine, dir, r)
	if len(r.Cells) == 0 {
		return failed
	}
	return errors.Join(failed, publish(o, r))
}

// describe says where and when the run is.
func describe(ctx context.Context, engine *client.Client, o options) (*report, error) {
	got, err := engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, fmt.Errorf("no Docker engine answers (make engine starts one): %w", err)
	}
	info := got.Info
	return &report{
		When:    time.Now().UTC().Format(time.RFC3339),
		Machine: fmt.Sprintf("%d processors, Linux %s", info.NCPU, info.KernelVersion),
		Engine:  fmt.Sprintf("Docker Engine %s (API %s, %s)", info.ServerVersion, engine.ClientVersion(), info.Driver),
		Rounds:  o.rounds, Sizes: o.sizes, Versions: map[string]string{},
	}, nil
}

// measure fills the report. A program that is not there is left out and said so.
func measure(ctx context.Context, o options, engine *client.Client, dir string, r *report) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	w := witness{engine}
	log := os.Stderr
	if r.Parallel, err = calibrate(ctx, self, o.sizes, w, log); err != nil {
		return err
	}
	contenders := []contender{newBare(self, func(n int) int { return r.Parallel[n] })}
	if r.have(o, "docker-compose") {
		command, env, err := composeCommand(o, dir)
		if err != nil {
			return err
		}
		c, err := newCompose(command, env, filepath.Join(dir, "compose"), o.sizes)
		if err != nil {
			return err
		}
		contenders = append(contenders, c)
	}
	if r.have(o, "envctl") {
		c, err := newEnvctl(filepath.Join(o.bin, "envctl"), filepath.Join(dir, "envctl"), o.sizes)
		if err != nil {
			return err
		}
		contenders = append(contenders, c)
	}
	race := &race{contenders: contenders, sizes: o.sizes, witness: w, log: log}
	if err := race.run(ctx, o.rounds); err != nil {
		return err
	}
	r.Cells, r.Unequal = race.cells, race.unequal
	return errors.Join(
		r.timeContained(ctx, o, engine, dir, log), r.timeStarts(ctx, o, dir), r.timeEmpty(ctx, o), r.timeRuns(ctx, o, dir), r.timeList(ctx, o, dir),
		r.timeGateway(ctx, o), r.timeAzure(ctx, o, dir), r.timeAzureStack(ctx, o, dir),
	)
}

// install copies the programs of bin to a folder, as somebody does who installs them,
// and returns it. The kernel keeps a file that the linker has just written in larger
// pieces than a copy, and counts up to 25 MB more of it as a process's memory.
func install(bin, to string) (string, error) {
	if err := os.Mkdir(to, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{"envctl", "docker-compose", "pulumi", "stockbench", "emptyup", "gateway"} {
		err := copyFile(filepath.Join(bin, name), filepath.Join(to, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return to, nil
}

// copyFile holds no file in memory: what this program has counts for those that it
// starts.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// have says whether the program is there, and notes it down where not.
func (r *report) have(o options, name string) bool {
	_, err := os.Stat(filepath.Join(o.bin, name))
	if line := name + " (not in the folder -bin)"; err != nil && !slices.Contains(r.Missing, line) {
		r.Missing = append(r.Missing, line)
	}
	return err == nil
}

// publish prints the tables, keeps the samples and judges the bars.
func publish(o options, r *report) error {
	text, missed := r.markdown()
	fmt.Print(text)
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.results, 0o755); err != nil {
		return err
	}
	name := strings.NewReplacer(":", "", "-", "").Replace(r.When) + ".json"
	if err := os.WriteFile(filepath.Join(o.results, name), data, 0o644); err != nil {
		return err
	}
	if o.write != "" {
		if err := insert(o.write, text); err != nil {
			return err
		}
	}
	if o.check && len(missed) > 0 {
		return fmt.Errorf("%d bars were missed:\n%s", len(missed), strings.Join(missed, "\n"))
	}
	return nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
