package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The steps on the simulated Azure.
const (
	azureUp        = "envctl up -t azure --simulate"
	azureUnchanged = "envctl up -t azure --simulate, unchanged"
	azurePromote   = "envctl promote --to azure --simulate, again"
)

// timeAzure times the example on the simulator of Azure, which answers without a
// delay: its images are built and up locally before, as a promote finds them.
func (r *report) timeAzure(ctx context.Context, o options, dir string) (err error) {
	bin := filepath.Join(o.bin, "envctl")
	if !r.have(o, "envctl") {
		return nil
	}
	if _, err := os.Stat(o.example); err != nil {
		return nil // have said so already
	}
	dir = filepath.Join(dir, "azure")
	if err := copyExample(ctx, filepath.Dir(o.example), filepath.Join(dir, "example")); err != nil {
		return err
	}
	line := func(args ...string) []string {
		return append([]string{bin, "-f", filepath.Join(dir, "example", filepath.Base(o.example)), "-n", "bench"}, args...)
	}
	env := privateHome(dir)
	here, there := line("down"), line("down", "-t", "azure", "--simulate", "--yes")
	defer func() {
		for _, down := range [][]string{there, here} {
			_, _, downErr := execute(context.WithoutCancel(ctx), env, down)
			err = errors.Join(err, downErr)
		}
	}()
	if _, _, err := execute(ctx, env, line("up")); err != nil {
		return err
	}
	if err := r.promoteTwice(ctx, env, dir, line, there); err != nil {
		return err
	}
	up := &single{Name: azureUp}
	again := &single{Name: azureUnchanged}
	promote := &single{Name: azurePromote}
	for range o.rounds {
		for _, step := range []struct {
			of   *single
			args []string
		}{
			{up, line("up", "-t", "azure", "--simulate")}, {again, line("up", "-t", "azure", "--simulate")},
			{promote, line("promote", "--to", "azure", "--simulate")}, {nil, there},
		} {
			s, _, err := execute(ctx, env, step.args)
			if err != nil {
				return err
			}
			if step.of != nil {
				step.of.Samples = append(step.of.Samples, s)
			}
		}
	}
	for _, x := range []*single{up, again, promote} {
		x.Summary = summarize(x.Samples)
		r.Singles = append(r.Singles, x)
	}
	return nil
}

// promoteTwice promotes the example twice and notes what each moved; there takes it
// down on the simulated Azure.
func (r *report) promoteTwice(ctx context.Context, env []string, dir string, line func(...string) []string, there []string) error {
	for _, record := range []string{"first", "second"} {
		to := filepath.Join(dir, "record-"+record)
		if _, _, err := execute(ctx, env, line("promote", "--to", "azure", "--simulate", "--record", to)); err != nil {
			return err
		}
		moved, err := movedBytes(to)
		if err != nil {
			return err
		}
		r.Promoted = append(r.Promoted, moved)
	}
	if r.Promoted[0] == 0 {
		return errors.New("the first promote moved nothing, so what the second moved says nothing")
	}
	_, _, err := execute(ctx, env, there)
	return err
}

// movedBytes are the bytes of images that the recordings in a folder say a registry
// took: content goes by PATCH, whose answer says up to where it has it. What is
// small and goes by one PUT is the receipt, which is another one each time.
func movedBytes(dir string) (int64, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return 0, err
	}
	if len(files) != 1 {
		return 0, fmt.Errorf("%d recordings are in %s", len(files), dir)
	}
	f, err := os.Open(files[0])
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var sum int64
	for lines := json.NewDecoder(f); ; {
		var entry struct {
			Request  struct{ Method, URL string }
			Response struct{ Header http.Header }
		}
		if err := lines.Decode(&entry); errors.Is(err, io.EOF) {
			return sum, nil
		} else if err != nil {
			return 0, fmt.Errorf("%s: %w", files[0], err)
		}
		if entry.Request.Method != http.MethodPatch || !strings.Contains(entry.Request.URL, "/blobs/uploads/") {
			continue
		}
		var from, to int64
		if _, err := fmt.Sscanf(entry.Response.Header.Get("Range"), "%d-%d", &from, &to); err != nil {
			return 0, fmt.Errorf("%s: the registry took content and did not say how much: %w", files[0], err)
		}
		sum += to - from + 1
	}
}

// copyExample copies the example, so that what envctl writes beside it is not in the
// repository, and builds the program that its image holds.
func copyExample(ctx context.Context, from, to string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	program := filepath.Join(to, "bin", filepath.Base(from))
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-o", program, ".")
	build.Dir, build.Env = from, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", from, err, out)
	}
	return nil
}

// azure are the rows of the simulated Azure.
func (r *report) azure(t *table) {
	if up := r.single(azureUp); up != nil {
		t.absolute("up of the example on the simulated Azure", up.Median*1e3, "ms", 2000, "–")
		t.absolute("peak memory of it", float64(up.RSS)/1e6, "MB", 200, "–")
	}
	if again := r.single(azureUnchanged); again != nil {
		t.absolute("unchanged up of it", again.Median*1e3, "ms", 500, "–")
	}
	if promote := r.single(azurePromote); promote != nil {
		t.row("second promote of it", millis(promote), "–", "–", "–")
	}
	if len(r.Promoted) == 2 {
		t.absolute("bytes of images that it moves", float64(r.Promoted[1]), "B", 0, fmt.Sprintf("%.1f MB (the first)", float64(r.Promoted[0])/1e6))
	}
}
