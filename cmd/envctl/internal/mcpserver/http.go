package mcpserver

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Path is where the server is on HTTP.
const Path = "/mcp"

const (
	maxBody      = 16 << 20 // bytes of a request: a file of 8 MiB as base64
	headerTime   = 10 * time.Second
	idleTime     = 2 * time.Minute // of a connection without a request
	sessionTime  = time.Hour       // of a session that nobody asks in
	shutdownTime = 5 * time.Second
)

// Listen opens the address to serve on. Only a loopback address is one.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !ap.Addr().IsLoopback() {
		return nil, &failure{
			what: fmt.Sprintf("address %q cannot be served on", address),
			why:  "it has to be a loopback address with a port: who reaches it can run programs here",
			mend: "give 127.0.0.1:PORT, or 127.0.0.1:0 for any free port",
		}
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// Handler serves a server over Streamable HTTP. A request has to carry the token,
// and to be meant for a loopback name: a web page that a browser shows can do
// neither, whatever its name resolves to.
func Handler(s *mcp.Server, token string) http.Handler {
	streamable := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{
		SessionTimeout: sessionTime, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true,
	})
	mux := http.NewServeMux()
	mux.Handle(Path, streamable)
	return guard(mux, token)
}

func guard(next http.Handler, token string) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopbackHost(r.Host) || !ownOrigin(r.Header.Values("Origin")) {
			http.Error(w, "forbidden: Host and Origin have to be a loopback address", http.StatusForbidden)
			return
		}
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(given)) // of equal length, so that the comparison takes equal time
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="envctl mcp"`)
			http.Error(w, "unauthorized: the token that envctl mcp printed is missing or wrong", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost knows the names of this machine that no name server answers for.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() && ip.Zone() == ""
}

// ownOrigin allows requests of no web page, and of pages of this machine.
func ownOrigin(origins []string) bool {
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !loopbackHost(u.Host) {
			return false
		}
	}
	return true
}

// Serve serves until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	held, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return held }}
	stop := context.AfterFunc(ctx, func() {
		ending, done := context.WithTimeout(held, shutdownTime)
		defer done()
		if srv.Shutdown(ending) != nil {
			_ = srv.Close() // streams stay open until then
		}
	})
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
