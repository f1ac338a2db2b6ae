package armsim

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/acr"
	"github.com/envctl/envctl/components/azure/armsim/entra"
	"github.com/envctl/envctl/components/azure/armsim/files"
	"github.com/envctl/envctl/components/azure/armsim/rm"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
	"github.com/envctl/envctl/local/registry"
)

// audiences are the resources that a token may be asked for: Resource Manager's in
// every cloud, and the data planes.
func audiences(base string) (manager, all []string) {
	manager = []string{
		base, "https://management.azure.com", "https://management.core.windows.net",
		"https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net", "https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn",
	}
	all = append(append([]string{}, manager...),
		"https://containerregistry.azure.net", "https://cognitiveservices.azure.com", "https://cognitiveservices.azure.us", "https://cognitiveservices.azure.cn",
		"https://api.loganalytics.io", "https://api.loganalytics.us", "https://api.loganalytics.azure.cn")
	return manager, all
}

// assemble makes the parts know each other.
func (s *Simulator) assemble(ctx context.Context, k keys, base string) error {
	o := s.options
	manager, _ := audiences(base)
	signer := entra.Signer{Key: k.Key}
	owner, err := s.store.NewOwner(time.Now().UTC().Format("20060102T150405.000000000") + strings.ReplaceAll(base[len("https://127.0.0.1"):], ":", "-"))
	if err != nil {
		return err
	}
	s.owner = owner
	s.login = s.loginOf(k, base)
	s.planes = planesOf(s.dir)
	s.planes.Registry = func(name, host string, content *registry.Store) http.Handler {
		return s.registry(name, host, signer, manager, content)
	}
	s.planes.Shares = s.shares
	s.world = s.newWorld(ctx, base)
	s.platform = s.platformOf(s.login, s.world)
	s.manager = rm.New(ctx, rm.Config{
		Store: s.store, World: s.world, Signer: signer, Audiences: manager, Subscription: o.Subscription, Faults: s.faults, Now: o.Now,
		Delay: o.Delay, Delays: lowerKeys(o.Delays), Unregistered: set(o.Unregistered, ""), Denied: o.Denied,
		Runner: o.Runner, Platform: http.HandlerFunc(s.platform.App), Folders: foldersOf(s.planes), Owner: s.owner,
		After: func(st *store.State) error { return s.planes.Sync(ctx, st) },
	})
	return nil
}

func (s *Simulator) newWorld(ctx context.Context, base string) *rp.World {
	o := s.options
	return &rp.World{
		Seed: o.Seed, Tenant: o.Tenant, Caller: Principal, PrincipalDelay: o.PrincipalDelay, RoleDelay: o.RoleDelay, PullPatience: o.PullPatience,
		Quota: o.Quota, Taken: set(o.Taken, ""), Spend: o.Spend, Currency: o.Currency, OddCase: o.OddCase, Runs: o.Runner != nil,
		HostOf:   func(st *store.State, what string) (string, error) { return s.planes.HostOf(ctx, st, what) },
		HasImage: s.planes.Find,
		Platform: func() string { return base },
	}
}

func lowerKeys(in map[string]time.Duration) map[string]time.Duration {
	out := map[string]time.Duration{}
	for key, value := range in {
		out[strings.ToLower(key)] = value
	}
	return out
}

func set(list []string, prefix string) map[string]bool {
	out := map[string]bool{}
	for _, one := range list {
		out[strings.ToLower(prefix+one)] = true
	}
	return out
}

// planesOf are the data planes of a simulator's folder.
func planesOf(dir string) *acr.Planes {
	return &acr.Planes{Dir: filepath.Join(dir, "registries"), Files: filepath.Join(dir, "files"), Handlers: map[string]http.Handler{}}
}

func foldersOf(p *acr.Planes) rp.Folders { return rp.Folders{Registry: p.StoreOf, Share: p.ShareOf} }

// shares is the handler of one storage account's file shares.
func (s *Simulator) shares(account, dir string) http.Handler {
	return &files.Server{Account: account, Dir: dir, Faults: s.faults, Now: s.options.Now, Find: func(share string) (out files.Share, ok bool) {
		_ = s.store.Do(func(st *store.State) error { // an unreadable state has no share
			found, there := rp.ShareOf(st, account, share)
			out, ok = files.Share(found), there
			return nil
		})
		return out, ok
	}}
}

// registry is the handler of one registry's data plane.
func (s *Simulator) registry(name, host string, signer entra.Signer, audiences []string, content *registry.Store) http.Handler {
	find := func(f func(st *store.State, r *store.Resource)) {
		_ = s.store.Do(func(st *store.State) error { // an unreadable state has no registry
			for _, r := range st.OfType("Microsoft.ContainerRegistry/registries") {
				if strings.EqualFold(r.Name, name) {
					f(st, r)
				}
			}
			return nil
		})
	}
	auth := &acr.Auth{
		Name: name, Host: host, Tenant: s.options.Tenant, Signer: signer, Now: s.options.Now, Lifetime: s.options.TokenLifetime, Faults: s.faults,
		Audiences: append([]string{"https://containerregistry.azure.net"}, audiences...),
	}
	auth.May = func(principal string, push bool) (may bool) {
		roles := []string{rp.Owner, rp.Contributor, rp.AcrPush}
		if !push {
			roles = append(roles, rp.AcrPull, rp.Reader)
		}
		find(func(st *store.State, r *store.Resource) {
			since, ok := rp.Effective(s.world, st, r.ID, []string{principal}, roles)
			may = principal == Principal || ok && !s.options.Now().Before(since)
		})
		return may
	}
	auth.Admin = func() (password string) {
		find(func(_ *store.State, r *store.Resource) {
			if p, _ := r.Body["properties"].(rp.Object); p["adminUserEnabled"] == true {
				password = r.Private["password"]
			}
		})
		return password
	}
	return auth.Handler(content)
}

// metadata is what azure-cli and others read of a cloud that is not built in.
func (s *Simulator) metadata(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode([]any{map[string]any{ // a client that is gone needs no answer
		"name": "EnvctlSimulator", "resourceManager": s.endpoints.ResourceManager,
		"authentication": map[string]any{"loginEndpoint": s.endpoints.Authority, "audiences": []string{"https://management.azure.com"}, "tenant": s.options.Tenant},
	}})
}
