package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// StatusSocket is where a gateway answers `gateway status`. The leading @ makes
// it an abstract socket: it needs no file system and belongs to the container's
// network namespace, so that only processes of this container reach it.
const StatusSocket = "@envctl-gateway"

// statusTimeout bounds one question.
const statusTimeout = 5 * time.Second

// board holds the present state of every app.
type board struct {
	mu   sync.Mutex
	apps map[string]protocol.AppStatus
}

func newBoard(cfg protocol.Health) *board {
	return &board{apps: make(map[string]protocol.AppStatus, len(cfg.Probes))}
}

func (b *board) set(s protocol.AppStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.apps[s.App] = s
}

// down says that an app is known not to be healthy, and why. One that is starting
// or has no check is not down. A nil board knows nothing.
func (b *board) down(app string) (reason string, down bool) {
	if b == nil {
		return "", false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.apps[app]
	return s.Reason, s.State == protocol.StateUnhealthy || s.State == protocol.StateNeverUp
}

// status returns the states sorted by app.
func (b *board) status() protocol.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := protocol.Status{Apps: make([]protocol.AppStatus, 0, len(b.apps))}
	for _, s := range b.apps {
		out.Apps = append(out.Apps, s)
	}
	slices.SortFunc(out.Apps, func(x, y protocol.AppStatus) int { return strings.Compare(x.App, y.App) })
	return out
}

// statusServer writes the status to each connection and closes it. Before that it
// calls tell, so that who asked finds in the output all that was only counted.
type statusServer struct {
	listener net.Listener
	board    *board
	tell     func()
}

func listenStatus(ctx context.Context, socket string, b *board, tell func()) (*statusServer, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("status socket: %w", err)
	}
	return &statusServer{listener: listener, board: b, tell: tell}, nil
}

func (s *statusServer) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.listener.Close() })
	defer stop()
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("status socket: %w", err)
		}
		s.answer(conn)
	}
}

func (s *statusServer) answer(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(statusTimeout))
	s.tell()
	// The asker may be gone; the next one asks again.
	_ = json.NewEncoder(conn).Encode(s.board.status())
}

// AskStatus copies the answer of the gateway at socket to out.
func AskStatus(ctx context.Context, socket string, out io.Writer) error {
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("no gateway is running here: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(statusTimeout))
	if _, err := io.Copy(out, conn); err != nil {
		return fmt.Errorf("status of the gateway: %w", err)
	}
	return nil
}
