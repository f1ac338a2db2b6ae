// Package acr is the data planes of the simulated registries, and of other
// services that need an address of their own: one listener with TLS each, on a
// port of the loopback interface that the state remembers. A registry is
// local/registry behind the token exchange of Azure Container Registry.
package acr

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/store"
	"github.com/envctl/envctl/local/registry"
)

// Planes are the listeners of one process.
type Planes struct {
	Dir      string // of the registries' content, one folder each
	Files    string // of the file shares' content: one folder for each account, in it one for each share
	TLS      *tls.Config
	Handlers map[string]http.Handler // of planes that are no registry
	Registry func(name, host string, content *registry.Store) http.Handler
	Shares   func(account, dir string) http.Handler

	mu   sync.Mutex
	open map[string]*http.Server
	quit bool
}

// HostOf is the address of a plane: registry/NAME, files/ACCOUNT or one of Handlers. It is made
// if it is not there, and noted in the state.
func (p *Planes) HostOf(ctx context.Context, st *store.State, what string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	port := st.Ports[what]
	if p.open[what] == nil {
		bound, err := p.start(ctx, what, port)
		if err != nil {
			return "", err
		}
		port = bound
	}
	if st.Ports[what] != port {
		st.Ports[what] = port
		st.Changed()
	}
	return fmt.Sprintf("127.0.0.1:%d", port), nil
}

// Sync opens what the state has and closes, with its content, what it has no more.
func (p *Planes) Sync(ctx context.Context, st *store.State) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for what, port := range st.Ports {
		if p.open[what] == nil {
			if _, err := p.start(ctx, what, port); err != nil {
				return err
			}
		}
	}
	for what, server := range p.open {
		if _, ok := st.Ports[what]; ok {
			continue
		}
		server.Close()
		delete(p.open, what)
		if err := os.RemoveAll(p.content(what)); err != nil {
			return fmt.Errorf("remove the content of the simulated %s: %w", what, err)
		}
	}
	return nil
}

// content is the folder of a plane's content, "" for one that has none.
func (p *Planes) content(what string) string {
	if name, ok := strings.CutPrefix(what, "registry/"); ok {
		return p.StoreOf(name)
	}
	if account, ok := strings.CutPrefix(what, "files/"); ok {
		return p.ShareOf(account, "")
	}
	return ""
}

// ShareOf is the folder of a file share's content, without one that of its account.
func (p *Planes) ShareOf(account, content string) string {
	return filepath.Join(p.Files, strings.ToLower(account), content)
}

// StoreOf is the folder of a registry's content.
func (p *Planes) StoreOf(name string) string { return filepath.Join(p.Dir, strings.ToLower(name)) }

func (p *Planes) start(ctx context.Context, what string, port int) (int, error) {
	if p.quit {
		return 0, fmt.Errorf("the simulator is closed, so %s cannot be opened", what)
	}
	l, err := listen(ctx, port)
	if err != nil {
		return 0, err
	}
	port = l.Addr().(*net.TCPAddr).Port
	handler := p.Handlers[what]
	if name, ok := strings.CutPrefix(what, "registry/"); ok {
		content, err := registry.Open(p.StoreOf(name))
		if err != nil {
			l.Close()
			return 0, err
		}
		handler = p.Registry(name, fmt.Sprintf("127.0.0.1:%d", port), content)
	}
	if account, ok := strings.CutPrefix(what, "files/"); ok {
		handler = p.Shares(account, p.content(what))
	}
	if handler == nil {
		l.Close()
		return 0, fmt.Errorf("there is no data plane called %q", what)
	}
	server := Serve(l, p.TLS, handler)
	if p.open == nil {
		p.open = map[string]*http.Server{}
	}
	p.open[what] = server
	return port, nil
}

// Serve answers on l with TLS until the server is closed. Its errors are those of
// clients that went away, and go nowhere.
func Serve(l net.Listener, config *tls.Config, handler http.Handler) *http.Server {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(nowhere{}, "", 0),
	}
	go func() { _ = server.Serve(tls.NewListener(l, config)) }() // ends with Close
	return server
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// Close closes every listener and lets requests under way end for a moment, at
// most until ctx ends.
func (p *Planes) Close(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quit = true
	for what, server := range p.open {
		_ = server.Shutdown(ctx)
		_ = server.Close()
		delete(p.open, what)
	}
}

// Find looks for a manifest; code is the registry's error code where ok is false.
func (p *Planes) Find(name, repository, reference string) (digest, code string, ok bool) {
	content, err := registry.Open(p.StoreOf(name))
	if err != nil {
		return "", "UNKNOWN", false
	}
	m, err := content.Resolve(repository, reference)
	if err == nil {
		return m.Digest.String(), "", true
	}
	if list, _ := content.Manifests(repository); len(list) == 0 {
		return "", "NAME_UNKNOWN", false
	}
	return "", "MANIFEST_UNKNOWN", false
}
