package platform

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// query answers POST /loganalytics/v1/workspaces/{customerId}/query. Of Kusto's
// language it knows what asks for the console log: where of a name and of times,
// top, project. Any other table or operator is an error, not an empty answer.
func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 5 || parts[4] != "query" {
		http.NotFound(w, r)
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := s.Login.Signer.Verify(token, s.Now())
	if err != nil || !strings.Contains(claims.Audience, "loganalytics") {
		refuse(w, http.StatusUnauthorized, "InvalidTokenError", "Valid authorization header is required for https://api.loganalytics.io.")
		return
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var body struct{ Query string }
	if err != nil || json.Unmarshal(raw, &body) != nil {
		refuse(w, http.StatusBadRequest, "BadArgumentError", "The request had some invalid properties: it is not JSON.")
		return
	}
	q, problem := parse(body.Query)
	if problem != "" {
		refuse(w, http.StatusBadRequest, "BadArgumentError", problem)
		return
	}
	ids, known := s.workloads(parts[3], q)
	if !known {
		refuse(w, http.StatusNotFound, "WorkspaceNotFoundError", "The workspace "+parts[3]+" could not be found.")
		return
	}
	var all []line
	for _, id := range ids {
		all = append(all, s.collect(r.Context(), id, q.since)...)
	}
	answer(w, http.StatusOK, q.table(all))
}

type query struct {
	column, name string
	prefix       bool
	since, until time.Time
	top          int
	columns      []string
}

var (
	byName = regexp.MustCompile(`^where (ContainerAppName_s|ContainerJobName_s|ContainerGroupName_s) (==|startswith) ["']([^"']*)["']$`)
	byTime = regexp.MustCompile(`^where TimeGenerated (>=|>|<|<=) datetime\(([^)]+)\)$`)
	byTop  = regexp.MustCompile(`^top (\d+) by TimeGenerated desc$`)
)

func parse(text string) (query, string) {
	q := query{top: 30_000, columns: []string{"TimeGenerated", "Stream_s", "Log_s"}}
	terms := strings.Split(text, "|")
	if table := strings.TrimSpace(terms[0]); table != "ContainerAppConsoleLogs_CL" {
		return q, "'where' operator: Failed to resolve table or column expression named '" + table + "'"
	}
	for _, term := range terms[1:] {
		term = strings.TrimSpace(term)
		if m := byName.FindStringSubmatch(term); m != nil {
			q.column, q.prefix, q.name = m[1], m[2] == "startswith", m[3]
		} else if m := byTime.FindStringSubmatch(term); m != nil {
			at, err := time.Parse(time.RFC3339Nano, m[2])
			if err != nil {
				return q, "Syntax Error: the time '" + m[2] + "' cannot be read"
			}
			if strings.HasPrefix(m[1], ">") {
				q.since = at
			} else {
				q.until = at
			}
		} else if m := byTop.FindStringSubmatch(term); m != nil {
			q.top, _ = strconv.Atoi(m[1])
		} else if rest, ok := strings.CutPrefix(term, "project "); ok {
			q.columns = strings.Split(strings.ReplaceAll(rest, " ", ""), ",")
		} else if term != "order by TimeGenerated asc" {
			return q, "Syntax Error: the simulator does not know the operator '" + term + "'"
		}
	}
	return q, ""
}

// workloads are the ids whose lines the query asks for; known is false if there is
// no such workspace.
func (s *Server) workloads(workspace string, q query) (ids []string, known bool) {
	_ = s.Store.Do(func(st *store.State) error {
		for _, ws := range st.OfType("Microsoft.OperationalInsights/workspaces") {
			p, _ := ws.Body["properties"].(rp.Object)
			known = known || p["customerId"] == workspace
		}
		for _, typ := range []string{"Microsoft.App/containerApps", "Microsoft.App/jobs"} {
			for _, r := range st.OfType(typ) {
				ids = append(ids, s.matching(r, q)...)
			}
		}
		return nil
	})
	return ids, known
}

func (s *Server) matching(r *store.Resource, q query) []string {
	id := strings.ToLower(r.ID)
	isJob := r.Type == "Microsoft.App/jobs"
	if !isJob {
		if q.column == "ContainerAppName_s" && r.Name == q.name || q.column == "ContainerGroupName_s" && strings.HasPrefix(q.name, r.Name+"--") {
			return []string{id}
		}
		return nil
	}
	var out []string
	for _, e := range rp.Executions(r) {
		name, _ := e["name"].(string)
		if q.column == "ContainerJobName_s" && r.Name == q.name || q.column == "ContainerGroupName_s" && strings.HasPrefix(name, q.name) {
			out = append(out, id+"/executions/"+rp.RunName(r, name))
		}
	}
	return out
}

func (q query) table(all []line) map[string]any {
	all = slices.DeleteFunc(all, func(l line) bool {
		at, _ := time.Parse(time.RFC3339Nano, l.TimeStamp)
		return !q.since.IsZero() && at.Before(q.since) || !q.until.IsZero() && !at.Before(q.until)
	})
	slices.SortStableFunc(all, func(a, b line) int { return strings.Compare(a.TimeStamp, b.TimeStamp) })
	all = all[max(len(all)-q.top, 0):]
	rows := []any{}
	for _, l := range all {
		row := []any{}
		for _, column := range q.columns {
			row = append(row, map[string]string{"TimeGenerated": l.TimeStamp, "Stream_s": "stdout", "Log_s": l.Log, q.column: q.name}[column])
		}
		rows = append(rows, row)
	}
	columns := []any{}
	for _, c := range q.columns {
		columns = append(columns, map[string]any{"name": c, "type": map[bool]string{true: "datetime", false: "string"}[c == "TimeGenerated"]})
	}
	return map[string]any{"tables": []any{map[string]any{"name": "PrimaryResult", "columns": columns, "rows": rows}}}
}
