package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/envctl/envctl/stacks/azure/ask"
)

// Query is a question to the history in Log Analytics.
type Query struct {
	Endpoint  string // https://api.loganalytics.io, or another cloud's
	Workspace string // its customer id
	Token     string
	// Column and Name say whose lines: ContainerAppName_s, ContainerJobName_s, or
	// ContainerGroupName_s, which begins with an execution's or a replica's name.
	Column, Name string
	Since, Until time.Time // zero: the workspace's retention, and now
	Tail         int       // the last lines; below 0: all there are, to maxRows
}

// maxRows is where Log Analytics cuts an answer, and maxAnswer bounds it in bytes.
const (
	maxRows   = 30_000
	maxAnswer = 100 << 20
)

// missingTable is what a new workspace says before the first line arrives.
const missingTable = "ContainerAppConsoleLogs_CL"

// History returns the lines in the order of their time. They reach the workspace
// some minutes after they were written.
func History(ctx context.Context, hc *http.Client, q Query) ([]Entry, error) {
	body, err := json.Marshal(map[string]string{"query": q.text()})
	if err != nil {
		return nil, err
	}
	url := strings.TrimSuffix(q.Endpoint, "/") + "/v1/workspaces/" + q.Workspace + "/query"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+q.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := hc.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the history in Log Analytics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		err := refused("the history in Log Analytics", resp)
		if resp.StatusCode == http.StatusBadRequest && strings.Contains(err.Error(), missingTable) {
			return nil, nil // nothing was ever written
		}
		return nil, err
	}
	return rows(io.LimitReader(resp.Body, maxAnswer))
}

// text is the question in Kusto's language.
func (q Query) text() string {
	operator := "=="
	if q.Column == "ContainerGroupName_s" {
		operator = "startswith"
	}
	lines := []string{missingTable, fmt.Sprintf("where %s %s %s", q.Column, operator, literal(q.Name))}
	if !q.Since.IsZero() {
		lines = append(lines, "where TimeGenerated >= datetime("+q.Since.UTC().Format(time.RFC3339Nano)+")")
	}
	if !q.Until.IsZero() {
		lines = append(lines, "where TimeGenerated < datetime("+q.Until.UTC().Format(time.RFC3339Nano)+")")
	}
	count := maxRows
	if q.Tail >= 0 {
		count = min(q.Tail, maxRows)
	}
	lines = append(lines, fmt.Sprintf("top %d by TimeGenerated desc", count),
		"project TimeGenerated, Stream_s, Log_s", "order by TimeGenerated asc")
	return strings.Join(lines, " | ")
}

// literal is a string of Kusto's language.
func literal(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func rows(r io.Reader) ([]Entry, error) {
	var answer struct {
		Tables []struct {
			Columns []struct{ Name string }
			Rows    [][]any
		}
	}
	if err := json.NewDecoder(r).Decode(&answer); err != nil {
		return nil, fmt.Errorf("the history in Log Analytics is no JSON that can be read: %w", err)
	}
	var out []Entry
	for _, table := range answer.Tables {
		index := map[string]int{}
		for i, column := range table.Columns {
			index[column.Name] = i
		}
		cell := func(row []any, name string) string {
			i, ok := index[name]
			if !ok || i >= len(row) {
				return ""
			}
			s, _ := row[i].(string)
			return s
		}
		for _, row := range table.Rows {
			at, _ := ask.ParseTime(cell(row, "TimeGenerated"))
			e := Entry{Time: at, Stream: cell(row, "Stream_s"), Text: strings.TrimRight(cell(row, "Log_s"), "\r\n")}
			if e.Stream == "" {
				e.Stream = "stdout"
			}
			out = append(out, e)
		}
	}
	return out, nil
}
