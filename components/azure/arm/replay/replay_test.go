package replay_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm/record"
	"github.com/envctl/envctl/components/azure/arm/replay"
)

func get(t *testing.T, p *replay.Player, url string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, strings.NewReader("ignored"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestAnswersComeInTheOrderOfEachURL(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	exchange := func(n int, url string, status int, body, broken string) record.Exchange {
		e := record.Exchange{Seq: n, Time: at.Add(time.Duration(n) * time.Minute), MS: 500, Request: record.Request{Method: "GET", URL: url}, Error: broken}
		if status != 0 {
			e.Response = &record.Response{Status: status, Header: http.Header{"Content-Length": {"999"}}, Body: json.RawMessage(body)}
		}
		return e
	}
	p := replay.New([]record.Exchange{
		exchange(1, "https://a/x?sig=REDACTED", 202, `"wait"`, ""),
		exchange(2, "https://a/y", 200, `"ha"`, "unexpected EOF"),
		exchange(3, "https://a/x?sig=REDACTED", 200, `{"b":1,"a":2}`, ""),
		exchange(4, "https://a/z", 0, "", "connection refused"),
	})
	if !p.Now().Equal(at.Add(time.Minute)) {
		t.Errorf("it begins at %v", p.Now())
	}
	if status, body, err := get(t, p, "https://a/x?sig=one"); status != 202 || body != "wait" || err != nil {
		t.Errorf("got %d %q %v", status, body, err)
	}
	if status, body, err := get(t, p, "https://a/x?sig=another"); status != 200 || body != `{"b":1,"a":2}` || err != nil {
		t.Errorf("got %d %q %v", status, body, err)
	}
	if want := at.Add(3*time.Minute + 500*time.Millisecond); !p.Now().Equal(want) {
		t.Errorf("it is %v, want %v", p.Now(), want)
	}
	if left := strings.Join(p.Left(), " "); left != "GET https://a/y GET https://a/z" {
		t.Errorf("left %s", left)
	}
	if _, body, err := get(t, p, "https://a/y"); body != "ha" || err == nil || err.Error() != "unexpected EOF" {
		t.Errorf("got %q %v", body, err)
	}
	if _, _, err := get(t, p, "https://a/z"); err == nil || err.Error() != "connection refused" {
		t.Errorf("got %v", err)
	}
	_, _, err := get(t, p, "https://a/x?sig=three")
	var final interface{ NonRetriable() }
	if !errors.As(err, &final) || !strings.Contains(err.Error(), "2 exchanges of GET https://a/x") {
		t.Errorf("got %v", err)
	}
}

func TestWaitingPassesTheRecordingsTime(t *testing.T) {
	t.Parallel()
	p := replay.New(nil)
	before := p.Now()
	if err := p.Sleep(t.Context(), time.Hour); err != nil || p.Now().Sub(before) != time.Hour {
		t.Errorf("got %v, %v", p.Now(), err)
	}
}
