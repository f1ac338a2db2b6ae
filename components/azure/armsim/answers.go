package armsim

import (
	"net/http"

	"github.com/envctl/envctl/components/azure/armsim/entra"
	"github.com/envctl/envctl/components/azure/armsim/platform"
	"github.com/envctl/envctl/components/azure/armsim/rp"
)

// Answers is what apps inside ask the simulator of a folder, tokens and models, for a
// process beside the one that was started: it opens no port, takes up no operation
// that another process left, and sees what others change.
func (s *Simulator) Answers() (http.Handler, error) {
	k, err := s.keys()
	if err != nil {
		return nil, err
	}
	p := s.platformOf(s.loginOf(k, ""), &rp.World{Seed: s.options.Seed, Tenant: s.options.Tenant, Caller: Principal, RoleDelay: s.options.RoleDelay})
	return http.HandlerFunc(p.App), nil
}

// loginOf is Entra's part of the simulator.
func (s *Simulator) loginOf(k keys, base string) *entra.Server {
	o := s.options
	_, all := audiences(base)
	return &entra.Server{
		Signer: entra.Signer{Key: k.Key}, Tenant: o.Tenant, Client: o.Client, Object: Principal, Secret: k.Secret,
		Lifetime: o.TokenLifetime, Now: o.Now, Known: all,
	}
}

// platformOf are the data planes.
func (s *Simulator) platformOf(login *entra.Server, world *rp.World) *platform.Server {
	return &platform.Server{Store: s.store, World: world, Login: login, Runner: s.options.Runner, Faults: s.faults, Now: s.options.Now}
}
