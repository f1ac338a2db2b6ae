package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/mount"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
	"github.com/envctl/envctl/local/models/service"
)

// servedModels are what the workload called client may call.
func servedModels() map[string]models.Model {
	m := models.Model{Model: "gpt-4o", Price: ledger.Price{Input: 1, Output: 1}, Limits: price.Limits{Context: 1000, Output: 100}}
	return map[string]models.Model{"chat": m, "embed": m}
}

// modelServer is one with OpenAI's API, which echoes, fails when told to fail, and
// streams without an end when told to go on forever.
func modelServer(t *testing.T) string {
	t.Helper()
	kept := ledger.Open(filepath.Join(t.TempDir(), "ledger"), ledger.Options{Now: time.Now, Self: "server"})
	echo, err := models.New(t.Context(), models.Config{Provider: models.ProviderEcho, Models: servedModels(), Ledger: kept})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		switch {
		case r.Header.Get("Authorization") != "Bearer sk-of-the-developer":
			w.WriteHeader(http.StatusUnauthorized)
		case bytes.Contains(raw, []byte(`"fail"`)):
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error":{"code":"broken","message":"out of order"}}`)
		case bytes.Contains(raw, []byte(`"forever"`)):
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"on"}}]}`+"\n\n")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		default:
			r.Body = io.NopCloser(bytes.NewReader(raw))
			r.Header.Set(protocol.HeaderModels, "chat,embed")
			echo.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL + "/v1"
}

// TestTheServiceAnswersOfficialClientsInside has the whole way: the official clients in
// a hardened container, the gateway, the background process on this side with a
// developer's credential, and a model server that only this side can reach. Each call
// is in the ledger, and the process ends when the gateway has stopped.
func TestTheServiceAnswersOfficialClientsInside(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	image := r.appImage("../../bench/openai", "envctl/gatewaytest:service-"+r.internal[len(r.internal)-8:])
	volume := r.trust()
	id := r.startGatewayWith(modelsSection(), spec{env: []string{protocol.EnvKey + "=" + modelsKey}, mounts: []mount.Mount{volume}})
	dir := t.TempDir()
	settings := service.Settings{
		Container: id, Provider: models.ProviderOpenAI, URL: modelServer(t), Models: servedModels(), Ledger: filepath.Join(dir, "ledger"),
		Budget: ledger.Budget{Amount: ledger.Units(1), Currency: "USD", Stop: true},
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "settings.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- service.Serve(t.Context(), dir, service.Options{
			Getenv: func(string) string { return "" }, Now: time.Now, Self: "test", Look: 100 * time.Millisecond, Idle: time.Second,
			Connect: func(ctx context.Context, host string) (service.Engine, error) {
				engine, err := docker.Connect(ctx, host, os.Getenv)
				return service.Docker{Engine: engine}, err
			},
			Credential: func(context.Context, service.Settings) (string, error) { return "sk-of-the-developer", nil },
		})
	}()

	ip := r.inspect(id).NetworkSettings.Networks[r.internal].IPAddress
	var said []string
	for line := range strings.Lines(r.run(r.workload("client", image, ip.String(), volume))) {
		said = append(said, line[:min(len(line), 200)]) // vectors are long
	}
	got := strings.Join(said, "\n")
	for _, want := range []string{
		"azure chat: hello (4 tokens)", "azure stream: hello", "azure responses: hello", "azure error: 500 broken out of order", "azure cancelled stream: true",
		"openai chat: hello (4 tokens)", "openai stream: hello", "openai responses: hello", "openai error: 500 broken out of order", "openai cancelled stream: true",
		"done",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the client said\n%s\nwithout %q; the gateway said\n%s", got, want, r.output(id))
		}
	}
	if err := r.kill(id); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the process is left over")
	}
	total, err := ledger.Read(settings.Ledger, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	// Of each client: chat, stream, response, failure and cancelled stream; vectors.
	if total.Models["chat"].Calls != 10 || total.Models["embed"].Calls != 2 || total.Reserved != 0 || total.Spent == 0 {
		t.Errorf("%+v", total)
	}
}
