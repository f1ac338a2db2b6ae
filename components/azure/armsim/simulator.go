package armsim

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/acr"
	"github.com/envctl/envctl/components/azure/armsim/certs"
	"github.com/envctl/envctl/components/azure/armsim/entra"
	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/armsim/platform"
	"github.com/envctl/envctl/components/azure/armsim/replay"
	"github.com/envctl/envctl/components/azure/armsim/rm"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// What logs in where the options name nothing else.
const (
	DefaultSubscription = "51a51a51-0000-4000-8000-000000000001"
	DefaultTenant       = "51a51a51-0000-4000-8000-000000000002"
	DefaultClient       = "51a51a51-0000-4000-8000-000000000003"
	// Principal is the object id of the client's service principal.
	Principal = "51a51a51-0000-4000-8000-000000000004"
)

// Simulator is a simulated subscription. Make one with [New], start it, and close it.
type Simulator struct {
	options   Options
	store     *store.Store
	dir       string // of certificates and content; temporary where the state is in memory
	temporary bool

	faults   *fault.Set
	world    *rp.World
	login    *entra.Server
	planes   *acr.Planes
	manager  *rm.Server
	platform *platform.Server
	owner    *store.Owner
	replay   *replay.Handler // nil: nothing is replayed
	server   *http.Server
	cancel   context.CancelFunc

	endpoints Endpoints
}

// New makes a simulator; nothing answers before [Simulator.Start].
func New(o Options) (*Simulator, error) {
	o.Subscription = cmp.Or(o.Subscription, DefaultSubscription)
	o.Tenant = cmp.Or(o.Tenant, DefaultTenant)
	o.Client = cmp.Or(o.Client, DefaultClient)
	o.TokenLifetime = cmp.Or(o.TokenLifetime, time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	st, err := store.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Simulator{options: o, store: st, dir: o.Dir, faults: fault.NewSet(o.Faults)}
	if o.Replay != "" {
		if s.replay, err = replay.Open(o.Replay); err != nil {
			return nil, err
		}
	}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "envctl-armsim-"); err != nil {
			return nil, fmt.Errorf("make a folder for the simulated registries: %w", err)
		}
		s.temporary = true
	}
	return s, nil
}

// Start makes the simulator answer on a port of 127.0.0.1 until [Simulator.Close]
// or the end of ctx.
func (s *Simulator) Start(ctx context.Context) (Endpoints, error) {
	ctx, s.cancel = context.WithCancel(ctx)
	keys, err := s.keys()
	if err != nil {
		return Endpoints{}, err
	}
	config, err := certs.Server(keys.CA, time.Now())
	if err != nil {
		return Endpoints{}, err
	}
	s.endpoints.CAFile = filepath.Join(s.dir, "ca.pem")
	if err := writeOnce(s.endpoints.CAFile, certs.Public(keys.CA)); err != nil {
		return Endpoints{}, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return Endpoints{}, fmt.Errorf("listen for the simulator: %w", err)
	}
	base := "https://" + l.Addr().String()
	s.endpoints.ResourceManager, s.endpoints.LogAnalytics = base, base+"/loganalytics"
	s.endpoints.Authority = base
	if err := s.assemble(ctx, keys, base); err != nil {
		l.Close()
		return Endpoints{}, err
	}
	s.planes.TLS = config
	if err := s.store.Do(func(st *store.State) error {
		delete(st.Ports, "accounts") // an older envctl's plane of all accounts
		return s.planes.Sync(ctx, st)
	}); err != nil {
		l.Close()
		return Endpoints{}, err
	}
	s.server = acr.Serve(l, config, s)
	return s.endpoints, nil
}

// writeOnce writes a file that another process may be reading.
func writeOnce(path string, content []byte) error {
	if had, err := os.ReadFile(path); err == nil && string(had) == string(content) {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".ca-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

type keys struct {
	CA, Key []byte
	Secret  string
}

// keys are made once and kept in the state.
func (s *Simulator) keys() (keys, error) {
	var out keys
	err := s.store.Do(func(st *store.State) error {
		if st.CA == nil {
			ca, err := certs.NewCA(time.Now())
			if err != nil {
				return err
			}
			random := make([]byte, 64)
			if _, err := rand.Read(random); err != nil {
				return err
			}
			st.CA, st.Key, st.Secret = ca, random[:32], "sim~"+hex.EncodeToString(random[32:52])
			st.Changed()
		}
		out = keys{CA: st.CA, Key: st.Key, Secret: cmp.Or(s.options.Secret, st.Secret)}
		return nil
	})
	return out, err
}

// ServeHTTP answers everything on the main address: logins, the platform's data
// planes and Resource Manager.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); {
	case strings.HasSuffix(path, "/oauth2/v2.0/token"), strings.HasSuffix(path, "/.well-known/openid-configuration"), strings.HasSuffix(path, "/discovery/instance"):
		s.loginServer(w, r)
	case platform.Mine(path):
		s.platform.ServeHTTP(w, r)
	case strings.EqualFold(first, "metadata"):
		s.metadata(w)
	case s.replay != nil:
		s.replay.ServeHTTP(w, r)
	default:
		s.manager.ServeHTTP(w, r)
	}
}

func (s *Simulator) loginServer(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.manager.CountLogin()
		if f := s.faults.Match("", "token", ""); f != nil {
			switch {
			case f.Wire != "":
				panic(http.ErrAbortHandler)
			case f.Status != 0:
				code := 0
				_, _ = fmt.Sscanf(f.Code, "AADSTS%d", &code)
				entra.Deny(w, s.options.Now(), f.Status, "invalid_client", code, f.Message)
				return
			}
		}
	}
	s.login.ServeHTTP(w, r)
}

// Close ends the background work and every listener. Work on containers that is
// under way is left to the next process of the same folder.
func (s *Simulator) Close() {
	if s.cancel == nil {
		return
	}
	s.cancel()
	if s.manager != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.manager.Context()), time.Second)
		defer cancel()
		if s.server != nil {
			_ = s.server.Shutdown(ctx)
			_ = s.server.Close()
		}
		s.planes.Close(ctx)
		s.manager.Wait()
	}
	if s.owner != nil {
		s.owner.Leave()
	}
	if s.temporary {
		_ = os.RemoveAll(s.dir)
	}
}
