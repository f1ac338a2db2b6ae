package service_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
	"github.com/envctl/envctl/local/models/service"
)

func settingsIn(root string) service.Settings {
	return service.Settings{
		Container: "x-gateway", Provider: models.ProviderEcho, Ledger: filepath.Join(root, "ledger"),
		Models: map[string]models.Model{"chat": {Model: "gpt-4o", Price: ledger.Price{Input: 1, Output: 1}, Limits: price.Limits{Context: 1000, Output: 1000}}},
	}
}

// world is a container in a folder, whose gateway is this test.
type world struct {
	root     string
	listener net.Listener
	*service.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root, err := os.MkdirTemp("", "m") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(root, "s"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{root, listener, serviceIn(root)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			t.Error(err)
		}
		_ = listener.Close()
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	w.container(t, "running")
	return w
}

func (w *world) container(t *testing.T, state string) {
	t.Helper()
	path := filepath.Join(w.root, "container")
	if state == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(path, []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ensure(t *testing.T, s service.Settings) int {
	t.Helper()
	if err := w.Ensure(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return w.pid(t)
}

// pid is the number of the process that runs.
func (w *world) pid(t *testing.T) int {
	t.Helper()
	var at struct {
		PID int `json:"pid"`
	}
	raw, err := os.ReadFile(filepath.Join(w.Dir, "serving"))
	if err != nil || json.Unmarshal(raw, &at) != nil || at.PID == 0 {
		t.Fatalf("%s, %v: no process", raw, err)
	}
	return at.PID
}

func (w *world) ends(t *testing.T) {
	t.Helper()
	eventually(t, "the process's end", func() bool {
		running, err := w.Running()
		return err == nil && !running
	})
}

// tunnel is the next connection that the process makes, as the gateway has it.
func (w *world) tunnel(t *testing.T) (*http.Client, net.Conn) {
	t.Helper()
	if err := w.listener.(*net.UnixListener).SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	conn, err := w.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	var once sync.Once
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		err := error(net.ErrClosed)
		once.Do(func() { err = nil })
		return conn, err
	}
	return &http.Client{Transport: transport}, conn
}

func ask(t *testing.T, client *http.Client) string {
	t.Helper()
	got, err := try(t, client)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func try(t *testing.T, client *http.Client) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://gateway/v1/chat/completions",
		strings.NewReader(`{"model":"chat","messages":[{"role":"user","content":"hello"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(protocol.HeaderModels, "chat")
	got, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	return string(raw), err
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func TestItAnswersThroughTheTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ensure(t, settingsIn(w.root))
	client, conn := w.tunnel(t)
	if got := ask(t, client); !strings.Contains(got, `"hello"`) {
		t.Errorf("answer %s", got)
	}
	// The container restarts, and the process attaches again.
	_ = conn.Close()
	client, _ = w.tunnel(t)
	if got := ask(t, client); !strings.Contains(got, `"hello"`) {
		t.Errorf("after a restart: %s", got)
	}
	total, err := ledger.Read(filepath.Join(w.root, "ledger"), time.Now())
	if err != nil || total.Sum().Calls != 2 || total.Reserved != 0 {
		t.Errorf("%+v, %v", total, err)
	}
	for _, name := range []string{"settings.json", "serving", "log"} {
		if info, err := os.Stat(filepath.Join(w.Dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestOtherSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pid := w.ensure(t, settingsIn(w.root))
	if again := w.ensure(t, settingsIn(w.root)); again != pid {
		t.Errorf("process %d, then %d", pid, again)
	}
	other := settingsIn(w.root)
	other.Names = map[string]string{"chat": "other"}
	if replaced := w.ensure(t, other); replaced == pid {
		t.Error("a process with other settings stays")
	}
	for range 3 { // connections of the replaced process may come first
		client, _ := w.tunnel(t)
		if got, err := try(t, client); err == nil && strings.Contains(got, `"model":"other"`) {
			return
		}
	}
	t.Error("nobody answers by the new settings")
}

// Whatever happens to what it serves, the process is not left over.
func TestItEndsByItself(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(t *testing.T, w *world){
		"the container is removed": func(t *testing.T, w *world) { w.container(t, "") },
		"the container stops":      func(t *testing.T, w *world) { w.container(t, "stopped") },
		"the engine stops":         func(t *testing.T, w *world) { w.container(t, "broken") },
		"the settings are removed": func(t *testing.T, w *world) { remove(t, filepath.Join(w.Dir, "settings.json")) },
		"the folder is removed":    func(t *testing.T, w *world) { remove(t, w.Dir) },
		"it is stopped":            func(t *testing.T, w *world) { stop(t, w) },
		"another process attaches": func(t *testing.T, w *world) {
			client, _ := w.tunnel(t)
			got, err := client.Get("http://gateway" + protocol.PathReplaced)
			if err != nil {
				t.Fatal(err)
			}
			_ = got.Body.Close()
			client.CloseIdleConnections()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			pid := w.ensure(t, settingsIn(w.root))
			happens(t, w)
			w.ends(t)
			eventually(t, "the end of the process", func() bool { return !alive(pid) })
		})
	}
}

func TestAContainerThatNeverComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.container(t, "")
	w.ensure(t, settingsIn(w.root))
	w.ends(t)
}

func TestSettingsThatCannotBeServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(*service.Settings){
		"provider":  func(s *service.Settings) { s.Provider = "x" },
		"address":   func(s *service.Settings) { s.Provider, s.URL = "openai", "localhost:11434" },
		"container": func(s *service.Settings) { s.Container = "" },
	} {
		s := settingsIn(w.root)
		change(&s)
		if err := w.Ensure(t.Context(), s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if running, err := w.Running(); running || err != nil {
		t.Errorf("it runs: %v, %v", running, err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, w *world) {
	t.Helper()
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// alive says whether a process runs; a zombie is the test's own child that has ended.
func alive(pid int) bool {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	after := string(raw[strings.LastIndexByte(string(raw), ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(after), "Z")
}
