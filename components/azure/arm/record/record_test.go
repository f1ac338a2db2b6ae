package record_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm/record"
	"github.com/envctl/envctl/components/azure/arm/redact"
)

func open(t *testing.T) *record.Recorder {
	t.Helper()
	r, err := record.Open(t.TempDir(), time.Now(), redact.New())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExchangesAreReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
		if r.URL.Path == "/cut" {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			return
		}
		w.WriteHeader(201)
		io.WriteString(w, `{"key1":"secret","n":1}`)
	}))
	t.Cleanup(server.Close)
	r := open(t)
	client := &http.Client{Transport: r.Transport(http.DefaultTransport, true)}
	post := func(path, body string) {
		resp, err := client.Post(server.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	post("/whole", `{"password":"p"}`)
	if got != `{"password":"p"}` {
		t.Errorf("the server got %q", got)
	}
	post("/cut", "")
	server.Close()
	post("/gone", "")
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	all, err := record.Read(r.Path())
	if err != nil || len(all) != 3 {
		t.Fatalf("got %d, %v", len(all), err)
	}
	whole, cut, gone := all[0], all[1], all[2]
	if whole.Seq != 1 || whole.Response.Status != 201 || string(record.Bytes(whole.Response.Body)) != `{"key1":"REDACTED","n":1}` ||
		string(whole.Request.Body) != `{"password":"REDACTED"}` || whole.Error != "" {
		t.Errorf("got %+v", whole)
	}
	if string(record.Bytes(cut.Response.Body)) != "half" || !strings.Contains(cut.Error, "EOF") {
		t.Errorf("got %+v", cut)
	}
	if gone.Response != nil || gone.Error == "" {
		t.Errorf("got %+v", gone)
	}
}

func TestARecordingThatWasCutIsReadUpToThere(t *testing.T) {
	t.Parallel()
	all, err := record.Decode("x", strings.NewReader("{\"seq\":1}\n{\"seq\":2}\n{\"se"))
	if err != nil || len(all) != 2 {
		t.Errorf("got %v, %v", all, err)
	}
	_, err = record.Decode("x.jsonl", strings.NewReader("{\"seq\":1}\nno\n"))
	if err == nil || !strings.Contains(err.Error(), "x.jsonl, line 2") {
		t.Errorf("got %v", err)
	}
}

func TestNoRecorderRecordsNothing(t *testing.T) {
	t.Parallel()
	var r *record.Recorder
	if got := r.Transport(http.DefaultTransport, true); got != http.DefaultTransport {
		t.Error("something is between")
	}
	if r.Path() != "" || r.Close() != nil {
		t.Error("it is somewhere")
	}
}

func TestADiskThatIsFullIsSaidAtTheEnd(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	dir := t.TempDir()
	r, err := record.Open(dir, time.Now(), redact.New())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ReplaceFileForTest("/dev/full"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	resp, err := (&http.Client{Transport: r.Transport(http.DefaultTransport, false)}).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "is not whole") {
		t.Errorf("got %v", err)
	}
}
