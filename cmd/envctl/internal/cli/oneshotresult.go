package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/stacks"
)

// oneShotResult is the result of a run without a job.
type oneShotResult struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command"`
	oneshot.Report
}

func newOneShotResult(r oneshot.Report) oneShotResult {
	return oneShotResult{stacks.SchemaVersion, "run", r}
}

// WriteText prints nothing: stdout is the program's own.
func (oneShotResult) WriteText(*output.Page) {}

// report prints a report for people on stderr: stdout is the program's own.
func (p *program) report(r oneshot.Report, quiet bool) {
	if p.flags.format != output.Text || quiet {
		return
	}
	for _, line := range reportLines(r) {
		p.printer.Notice(line)
	}
}

// reportLines is a report for people.
func reportLines(r oneshot.Report) []string {
	first := fmt.Sprintf("run %s: %s, exit status %d, %.2f s", r.ID, r.Ended, r.ExitCode, r.Seconds)
	if r.Attempts > 1 {
		first += fmt.Sprintf(" (the last of %d attempts)", r.Attempts)
	}
	if r.Usage.Samples > 0 {
		first += fmt.Sprintf(", %.2f s CPU, peak %d MiB", r.Usage.CPUSeconds, r.Usage.PeakMemory>>20)
	}
	if f := r.Files; f != nil && r.Out != "" {
		first += "; " + filesLine(*f, r.Out)
	}
	first += "; " + cmp.Or(r.Isolation.Level, r.Isolation.Runtime, "container")
	if r.Egress == nil && (r.Isolation.Network == "" || r.Isolation.Network == "none") {
		first += ", no network"
	}
	out := append([]string{first}, egressLines(r.Egress)...)
	if m := r.Models; m != nil {
		out = append(out, modelsLine(*m))
	}
	if r.Again == "" {
		return out
	}
	if len(r.Differences) == 0 {
		return append(out, "  the same as "+r.Again+" in every byte")
	}
	for _, d := range r.Differences {
		out = append(out, fmt.Sprintf("  differs from %s: %s was %s, is %s", r.Again, d.What, brief(d.Was), brief(d.Is)))
	}
	return out
}

// filesLine is what came back to a folder, for people.
func filesLine(f untar.Summary, folder string) string {
	noun := "files"
	if f.Files == 1 {
		noun = "file"
	}
	line := fmt.Sprintf("%d %s (%s) in %s", f.Files, noun, size(f.Bytes), folder)
	if f.Skipped > 0 {
		line += fmt.Sprintf(", %d links or devices left out: %s", f.Skipped, strings.Join(f.SkippedNames, " "))
	}
	return line
}

// withOthers is said of what the sandbox counts for a job and not for a run of it.
const withOthers = "  with what other runs of the job did at the same time:"

func egressLines(e *oneshot.Egress) []string {
	if e == nil {
		return nil
	}
	var out []string
	if e.Shared {
		out = append(out, withOthers)
	}
	if len(e.Allowed)+len(e.Refused) == 0 {
		out = append(out, "  egress: nothing was tried")
	}
	for _, a := range e.Allowed {
		out = append(out, fmt.Sprintf("  reached: %s, %d times", cmp.Or(a.Host, "more hosts"), a.Count))
	}
	for _, a := range e.Refused {
		out = append(out, fmt.Sprintf("  refused: %s (%s), %d times", cmp.Or(a.Host, "more hosts"), a.Reason, a.Count))
	}
	return out
}

func modelsLine(m oneshot.Models) string {
	line := fmt.Sprintf("  models: %d calls, %d + %d tokens, %.4f %s", m.Calls, m.PromptTokens, m.CompletionTokens, m.Cost, m.Currency)
	if m.Refused > 0 {
		line += fmt.Sprintf("; %d refused for the budget", m.Refused)
	}
	if m.UnderWay > 0 {
		line += fmt.Sprintf("; %d are not settled yet", m.UnderWay)
	}
	if m.Shared {
		line += "; with those of other runs of the job at the same time"
	}
	return line
}

// brief shortens a hash.
func brief(s string) string {
	if len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" {
		return s[:12]
	}
	return s
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return definition.Size(n >> 10 << 10).String()
}
