package serve

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// chat echoes messages of the subprotocol chat, and says good-bye to bye.
func chat(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}})
	if err != nil {
		return
	}
	conn.SetReadLimit(1 << 20)
	for {
		kind, data, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if string(data) == "bye" {
			conn.Close(4001, "so long")
			return
		}
		if conn.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}

// socket is what two WebSocket libraries have in common.
type socket struct {
	protocol string
	write    func(string) error
	read     func() (string, error)
	status   func(error) int // of a close
}

func TestWebSocketPasses(t *testing.T) {
	t.Parallel()
	for name, dial := range map[string]func(*testing.T, context.Context, string) socket{"coder": dialCoder, "gorilla": dialGorilla} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gateTo(t, chat)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			s := dial(t, ctx, g.url)
			if s.protocol != "chat" {
				t.Errorf("subprotocol %q, expected chat", s.protocol)
			}
			for _, message := range []string{"hello", strings.Repeat("x", 512<<10)} {
				if err := s.write(message); err != nil {
					t.Fatal(err)
				}
				if got, err := s.read(); got != message || err != nil {
					t.Fatalf("echo of %d bytes: %d bytes, %v", len(message), len(got), err)
				}
			}
			if err := s.write("bye"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.read(); s.status(err) != 4001 {
				t.Errorf("close %v, expected status 4001", err)
			}
		})
	}
}

func dialCoder(t *testing.T, ctx context.Context, url string) socket {
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"chat"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	return socket{
		protocol: conn.Subprotocol(),
		write:    func(text string) error { return conn.Write(ctx, websocket.MessageText, []byte(text)) },
		read:     func() (string, error) { _, data, err := conn.Read(ctx); return string(data), err },
		status:   func(err error) int { return int(websocket.CloseStatus(err)) },
	}
}

func dialGorilla(t *testing.T, ctx context.Context, url string) socket {
	dialer := gorilla.Dialer{Subprotocols: []string{"chat"}, EnableCompression: true}
	conn, _, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(url, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return socket{
		protocol: conn.Subprotocol(),
		write:    func(text string) error { return conn.WriteMessage(gorilla.TextMessage, []byte(text)) },
		read:     func() (string, error) { _, data, err := conn.ReadMessage(); return string(data), err },
		status: func(err error) int {
			if closed, ok := err.(*gorilla.CloseError); ok {
				return closed.Code
			}
			return 0
		},
	}
}
