package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/envctl/envctl/local/isolation"
)

// report is the whole outcome: bench/results/TIME.json, and the source of the
// tables.
type report struct {
	When     string            `json:"when"`
	Machine  string            `json:"machine"`
	Engine   string            `json:"engine"`
	Versions map[string]string `json:"versions"`
	Rounds   int               `json:"rounds"`
	Parallel map[int]int       `json:"bareParallel"` // size → containers at a time
	Sizes    []int             `json:"sizes"`
	Cells    []*cell           `json:"cells"`
	Singles  []*single         `json:"singles"`
	Chain    *chain            `json:"chain,omitempty"`    // the whole stack on a simulated Azure
	Promoted []int64           `json:"promoted,omitempty"` // bytes of images that each promote moved
	Unequal  []string          `json:"unequal"`            // settings that differ between contenders
	Missing  []string          `json:"missing"`            // what was not measured, and why
}

// bar is a figure to reach: a ratio of medians, at most or at least.
type bar struct {
	value   float64
	atLeast bool
}

func (b bar) String() string {
	if b.atLeast {
		return fmt.Sprintf("≥ %g", b.value)
	}
	return fmt.Sprintf("≤ %.2f", b.value)
}

func (b bar) met(ratio float64) bool {
	if b.atLeast {
		return ratio >= b.value
	}
	return ratio <= b.value
}

// sizeBars are the bars of envctl against another contender, by step and size.
// Size 0 holds for every size.
func sizeBars(against, step string, n int) (bar, bool) {
	type key struct {
		against, step string
		n             int
	}
	bars := map[key]float64{
		{"compose", stepUp, 1}: 0.95, {"compose", stepUp, 10}: 0.90, {"compose", stepUp, 30}: 0.70,
		{"bare", stepUp, 1}: 1.20, {"bare", stepUp, 10}: 1.05, {"bare", stepUp, 30}: 1.05,
		{"compose", stepUnchanged, 0}: 0.70, {"compose", stepDown, 0}: 0.90,
	}
	for _, size := range []int{n, 0} {
		if v, ok := bars[key{against, step, size}]; ok {
			return bar{value: v}, true
		}
	}
	return bar{}, false
}

// table collects Markdown rows and the bars that were missed.
type table struct {
	text   strings.Builder
	missed []string
}

func (t *table) row(cells ...string) { fmt.Fprintf(&t.text, "| %s |\n", strings.Join(cells, " | ")) }

// markdown renders the report, and names each bar that was missed.
func (r *report) markdown() (text string, missed []string) {
	t := &table{}
	fmt.Fprintf(&t.text, "%s, %s; %d rounds, interleaved. Median (least–most) in seconds; a ratio is of medians.\n", r.Machine, r.Engine, r.Rounds)
	for _, who := range sortedKeys(r.Versions) {
		fmt.Fprintf(&t.text, "%s. ", r.Versions[who])
	}
	fmt.Fprintf(&t.text, "The bare client starts %s.\n\n", r.parallelWords())
	t.row("what", "containers", "envctl", "compose", "bare client", "envctl / compose", "envctl / bare", "compose / bare")
	t.row("---", "---:", "---:", "---:", "---:", "---:", "---:", "---:")
	for _, step := range []string{stepUp, stepUnchanged, stepDown} {
		for _, n := range r.Sizes {
			envctl, compose, bare := r.cell("envctl", step, n), r.cell("compose", step, n), r.cell("bare", step, n)
			t.row(step, fmt.Sprint(n), seconds(envctl), seconds(compose), seconds(bare),
				t.against("compose", step, n, envctl, compose), t.against("bare", step, n, envctl, bare), ratio(compose, bare))
		}
	}
	t.text.WriteString("\n")
	r.others(t)
	for _, line := range r.Missing {
		fmt.Fprintf(&t.text, "\nNot measured: %s.\n", line)
	}
	for _, line := range r.Unequal {
		fmt.Fprintf(&t.text, "\nNot equal: %s.\n", line)
	}
	return t.text.String(), t.missed
}

func (r *report) parallelWords() string {
	words := []string{}
	for _, n := range r.Sizes {
		if n > 1 {
			words = append(words, fmt.Sprintf("%d of %d containers at a time", r.Parallel[n], n))
		}
	}
	if len(words) == 0 {
		return "one container"
	}
	return strings.Join(words, " and ")
}

// others are the rows without containers, and the memory.
func (r *report) others(t *table) {
	t.row("what", "envctl", "compared with", "ratio", "bar")
	t.row("---", "---:", "---:", "---:", "---:")
	version := r.single("docker compose version")
	if version == nil {
		version = r.single("docker-compose version")
	}
	if alone := r.single("docker-compose version"); alone != nil && version != nil {
		t.row("`docker-compose version`, no docker CLI in front", "–", millis(alone), "–", "–")
		t.row("`docker compose version`", "–", millis(version), "–", "–")
	}
	for _, x := range []struct {
		what, envctl string
		other        *summary
		bar          bar
		inverse      bool
	}{
		{"`envctl version` / `docker compose version`", "envctl version", version, bar{value: 1.5}, false},
		{"`envctl check` / `docker compose version`", "envctl check", version, bar{value: 2}, false},
		{"`envctl run` / `docker run --rm` of a program that ends at once", runEnvctl, r.single(runDocker), bar{value: 1.25}, false},
		{"`envctl run` / `docker run --rm` of it, both under gVisor", runEnvctl + under(isolation.GVisor), r.single(runDocker + under(isolation.GVisor)), bar{value: 1.25}, false},
		{"`envctl run --file` / `docker run --rm -v` of a script that does nothing", runEnvctl + withScript, r.single(runDocker + withScript), bar{value: 1.25}, false},
		{"`envctl run --file` / `docker run --rm -v` of it, both under gVisor", runEnvctl + withScript + under(isolation.GVisor), r.single(runDocker + withScript + under(isolation.GVisor)), bar{value: 1.25}, false},
		{"stock Automation API / envctl: up of an empty program", "envctl empty " + stepUp, r.single("stock empty " + stepUp), bar{12, true}, true},
		{"stock Automation API / envctl: unchanged up", "envctl empty " + stepUnchanged, r.single("stock empty " + stepUnchanged), bar{15, true}, true},
	} {
		mine := r.single(x.envctl)
		if x.inverse {
			t.compared(x.what, mine, x.other, x.other, mine, x.bar)
		} else {
			t.compared(x.what, mine, x.other, mine, x.other, x.bar)
		}
	}
	if up := r.cell("envctl", stepUp, 30); up != nil {
		other := "–"
		if compose := r.cell("compose", stepUp, 30); compose != nil {
			other = fmt.Sprintf("%d MB (compose)", compose.RSS/1e6)
		}
		t.absolute("peak memory of `up` with 30 containers", float64(up.RSS)/1e6, "MB", 150, other)
	}
	if list := r.single("envctl list"); list != nil {
		t.absolute("`envctl list` with 1,000 recorded experiments", list.Median*1e3, "ms", 300, "–")
	}
	r.contained(t)
	r.gateway(t)
	r.azure(t)
	r.azureStack(t)
}

// compared is a row of two programs; the ratio is over / under.
func (t *table) compared(what string, mine, other, over, under *summary, b bar) {
	if over == nil || under == nil {
		t.row(what, millis(mine), millis(other), "–", b.String())
		return
	}
	q := over.Median / under.Median
	t.row(what, millis(mine), millis(other), fmt.Sprintf("%.2f %s", q, t.judge(what, b, q)), b.String())
}

// absolute is a row with a bar that is no ratio.
func (t *table) absolute(what string, got float64, unit string, most float64, other string) {
	mark := t.judge(what, bar{value: most}, got)
	t.row(what, fmt.Sprintf("%.0f %s", got, unit), other, mark, fmt.Sprintf("≤ %.0f %s", most, unit))
}

// against is a ratio with its bar beside it.
func (t *table) against(who, step string, n int, mine, other *summary) string {
	if mine == nil || other == nil {
		return "–"
	}
	q := mine.Median / other.Median
	b, ok := sizeBars(who, step, n)
	if !ok {
		return fmt.Sprintf("%.2f", q)
	}
	return fmt.Sprintf("%.2f (%s) %s", q, b, t.judge(fmt.Sprintf("%s / %s, %d containers", step, who, n), b, q))
}

func (t *table) judge(what string, b bar, got float64) string {
	if b.met(got) {
		return "✓"
	}
	t.missed = append(t.missed, fmt.Sprintf("%s: %.2f, the bar is %s", what, got, b))
	return "✗"
}

// cell returns a series' summary, nil where it was not measured.
func (r *report) cell(who, step string, n int) *summary {
	i := slices.IndexFunc(r.Cells, func(c *cell) bool { return c.Who == who && c.Step == step && c.N == n })
	if i < 0 {
		return nil
	}
	return &r.Cells[i].Summary
}

// single returns a program's summary, nil where it was not measured.
func (r *report) single(name string) *summary {
	i := slices.IndexFunc(r.Singles, func(s *single) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Singles[i].Summary
}

func seconds(s *summary) string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

func millis(s *summary) string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%.0f ms (%.0f–%.0f)", s.Median*1e3, s.Min*1e3, s.Max*1e3)
}

func ratio(over, under *summary) string {
	if over == nil || under == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", over.Median/under.Median)
}

// The markers between which a document holds the newest table.
const (
	beginMark = "<!-- bench: begin -->"
	endMark   = "<!-- bench: end -->"
)

// insert puts text between the markers of the file.
func insert(path, text string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(data), beginMark)
	_, tail, closed := strings.Cut(rest, endMark)
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q to write the table between", path, beginMark, endMark)
	}
	return os.WriteFile(path, []byte(head+beginMark+"\n"+text+endMark+tail), 0o644)
}
