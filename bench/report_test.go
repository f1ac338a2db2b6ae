package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSummarizeTakesTheMiddle(t *testing.T) {
	t.Parallel()
	odd := summarize([]sample{{Seconds: 3, RSS: 5}, {Seconds: 1, RSS: 9}, {Seconds: 2, RSS: 1}})
	if odd != (summary{Runs: 3, Median: 2, Min: 1, Max: 3, RSS: 9}) {
		t.Errorf("three samples: %+v", odd)
	}
	if even := summarize([]sample{{Seconds: 4}, {Seconds: 1}, {Seconds: 2}, {Seconds: 8}}); even.Median != 3 {
		t.Errorf("four samples: median %v, want 3", even.Median)
	}
}

// series is a cell whose samples all took the same time.
func series(who, step string, n int, seconds float64) *cell {
	return &cell{Who: who, Step: step, N: n, Summary: summarize([]sample{{Seconds: seconds, RSS: 200e6}})}
}

func TestMarkdownJudgesEveryBar(t *testing.T) {
	t.Parallel()
	r := report{Sizes: []int{1, 30}, Parallel: map[int]int{1: 1, 30: 4}, Cells: []*cell{
		series("envctl", stepUp, 1, 0.95), series("compose", stepUp, 1, 1), series("bare", stepUp, 1, 0.5),
		series("envctl", stepUp, 30, 7.1), series("compose", stepUp, 30, 10), series("bare", stepUp, 30, 7),
		series("envctl", stepDown, 30, 9), series("compose", stepDown, 30, 10), series("bare", stepDown, 30, 5),
	}, Singles: []*single{
		{Name: "docker compose version", Summary: summary{Median: 0.1}},
		{Name: "envctl version", Summary: summary{Median: 0.15}},
		{Name: "envctl check", Summary: summary{Median: 0.21}},
		{Name: "stock empty up", Summary: summary{Median: 2.5}},
		{Name: "envctl empty up", Summary: summary{Median: 0.2}},
	}}
	text, missed := r.markdown()
	for _, want := range []string{
		"| up | 1 | 0.95 (0.95–0.95) | 1.00 (1.00–1.00) | 0.50 (0.50–0.50) | 0.95 (≤ 0.95) ✓ | 1.90 (≤ 1.20) ✗ | 2.00 |",
		"| up | 30 | 7.10 (7.10–7.10) | 10.00 (10.00–10.00) | 7.00 (7.00–7.00) | 0.71 (≤ 0.70) ✗ | 1.01 (≤ 1.05) ✓ | 1.43 |",
		"| down | 30 | 9.00 (9.00–9.00) | 10.00 (10.00–10.00) | 5.00 (5.00–5.00) | 0.90 (≤ 0.90) ✓ | 1.80 | 2.00 |",
		"| 1.50 ✓ | ≤ 1.50 |", "| 2.10 ✗ | ≤ 2.00 |", "| 12.50 ✓ | ≥ 12 |",
		"| peak memory of `up` with 30 containers | 200 MB | 200 MB (compose) | ✗ | ≤ 150 MB |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(missed) != 4 {
		t.Errorf("missed %d bars, want 4: %q", len(missed), missed)
	}
}

func TestInsertReplacesWhatIsBetweenTheMarkers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(file, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := insert(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if want := "before\n" + beginMark + "\nnew\n" + endMark + "\nafter\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if err := os.WriteFile(file, []byte("no markers"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := insert(file, "new\n"); err == nil {
		t.Error("a file without markers was taken")
	}
}

func TestDifferencesIgnoreHowEmptyIsSaid(t *testing.T) {
	t.Parallel()
	a, err := flatten(map[string]any{"Binds": nil, "Init": true, "DNS": []string{"127.0.0.1"}, "HostConfig": map[string]any{"NetworkMode": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := flatten(map[string]any{"Binds": []string{}, "Init": false, "DNS": []string{"127.0.0.1"}, "HostConfig": map[string]any{"NetworkMode": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := differences("compose", b, a); len(got) != 1 || !strings.Contains(got[0], "Init is <nil>, the bare client's true") {
		t.Errorf("differences: %q", got)
	}
}

func TestCopyRecordsRenamesPathAndContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := filepath.Join(dir, "state", "envctl", recorded+".default.local.json")
	if err := os.MkdirAll(filepath.Dir(from), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(from, []byte(`{"name":"`+recorded+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copyRecords(dir, "bench-0007"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "state", "envctl", "bench-0007.default.local.json"))
	if err != nil || string(got) != `{"name":"bench-0007"}` {
		t.Errorf("copy is %q, %v", got, err)
	}
	if err := copyRecords(t.TempDir(), "bench-0007"); err == nil {
		t.Error("a folder without records was taken")
	}
}
