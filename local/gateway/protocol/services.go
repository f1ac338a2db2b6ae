package protocol

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// EnvKey is the variable that carries the gateway's key into its container: what
// identity headers, tokens and the certificate of the models' address come from.
// It is printable text of at least MinKey bytes, and secret.
const EnvKey = "ENVCTL_GATEWAY_KEY"

// MinKey is the shortest key in bytes.
const MinKey = 32

// Egress lets workloads out through a proxy (HTTP CONNECT and plain HTTP) to the
// hosts that each may reach. A caller that is none of the clients, and a client
// whose list is empty, reach nothing.
type Egress struct {
	Listen  int            `json:"listen,omitempty"` // port on the networks without a way out
	Clients []EgressClient `json:"clients,omitempty"`
	// Private are hosts (as in EgressClient.Allow, which they do not extend) whose
	// names may lead to private addresses.
	Private []string `json:"private,omitempty"`
}

// EgressClient is a workload and the hosts it may reach.
type EgressClient struct {
	App string `json:"app"`
	// Host is what the workload's containers are called on the internal network, or
	// an IP address: the gateway knows a client by its address.
	Host  string   `json:"host"`
	Allow []string `json:"allow,omitempty"` // as in a definition: example.com, *.example.com, either with :port
	// ReadOnly is that of an InsideRoute, for plain requests: what a tunnel carries
	// cannot be seen.
	ReadOnly bool `json:"readOnly,omitempty"`
}

// Identity answers requests for tokens as the managed-identity endpoint of
// Container Apps does (api-version 2019-08-01).
type Identity struct {
	Listen  int              `json:"listen,omitempty"` // port on the networks without a way out
	Tenant  string           `json:"tenant,omitempty"` // UUID in the tokens
	Clients []IdentityClient `json:"clients,omitempty"`
	// Forward passes requests on to the host's side of the tunnel as they are, with
	// what they show, for a host that decides itself. There are no clients then: who
	// is on a network without a way out may ask.
	Forward bool `json:"forward,omitempty"`
}

// IdentityClient is a workload with an identity, and what it may ask tokens for.
type IdentityClient struct {
	App       string   `json:"app"`
	Host      string   `json:"host"` // as of an EgressClient
	ClientID  string   `json:"clientId"`
	Resources []string `json:"resources,omitempty"` // audiences, as https://cognitiveservices.azure.com
}

// Models is the address that models answer at, with TLS. Requests go on to the
// host's side of the tunnel, which knows the models and counts what they cost.
type Models struct {
	Listen  int            `json:"listen,omitempty"` // port on the networks without a way out
	Host    string         `json:"host,omitempty"`   // name in the certificate; *.NAME is every name one label below
	Trust   string         `json:"trust,omitempty"`  // folder that gets the certificate authority (TrustFile)
	Clients []ModelsClient `json:"clients,omitempty"`
	Forward bool           `json:"forward,omitempty"` // as of Identity
}

// On says that the function is on.
func (i Identity) On() bool { return i.Forward || len(i.Clients) > 0 }

// On says that the function is on.
func (m Models) On() bool { return m.Forward || len(m.Clients) > 0 }

// ModelsClient is a workload and the models it may call, by their names in the
// definition, which are their deployments' names.
type ModelsClient struct {
	App    string   `json:"app"`
	Host   string   `json:"host"` // as of an EgressClient
	Models []string `json:"models,omitempty"`
}

// Resource is the audience of tokens for models: Scope without /.default.
const Resource = "https://cognitiveservices.azure.com"

// TrustFile is the certificate authority in the folder Models.Trust, as PEM. The
// same certificate is there under OpenSSL's name for it, HASH.0.
const TrustFile = "ca.pem"

// Headers of a request that the gateway passes to the host's side of the tunnel.
const (
	HeaderApp    = "Envctl-App"    // who asks
	HeaderModels = "Envctl-Models" // what it may ask for: names with commas
)

// The requests that the gateway itself makes to the host's side of the tunnel, with
// the method POST. No request of a workload has such a path.
const (
	// PathAttached is the first request: answered, the tunnel is in service.
	PathAttached = "/.envctl/attached"
	// PathReplaced is the last: another host side took this one's place. Requests
	// that are under way go on.
	PathReplaced = "/.envctl/replaced"
)

// IdentityHeader is the value of IDENTITY_HEADER of a workload: it shows that a
// request for a token comes from the workload's own code, and not from a stranger
// who made it fetch an address.
func IdentityHeader(key, app string) string { return derive(key, "identity-header/"+app)[:32] }

// ClientID is the client id of a workload's identity: a UUID of version 8
// (RFC 9562), always the same for the same owner and workload.
func ClientID(owner, app string) string { return uuid("client/" + owner + "/" + app) }

// PrincipalID is the object id of the identity that has a client id.
func PrincipalID(clientID string) string { return uuid("principal/" + clientID) }

// TenantID is the tenant of an owner's identities, as ClientID.
func TenantID(owner string) string { return uuid("tenant/" + owner) }

// Derive returns 32 bytes that come from the gateway's key, for one purpose.
func Derive(key, purpose string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

func derive(key, purpose string) string { return hex.EncodeToString(Derive(key, purpose)) }

func uuid(name string) string {
	sum := sha256.Sum256([]byte("envctl/" + name))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	text := hex.EncodeToString(sum[:16])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// NeedsKey says that the gateway cannot do its work without a key: whoever only
// passes requests for tokens on vouches for nobody.
func (c Config) NeedsKey() bool { return len(c.Identity.Clients) > 0 || c.Models.On() }

func (c Config) validateServices() error {
	inner := map[int]string{}
	if c.Ingress.Inside.Listen != 0 {
		inner[c.Ingress.Inside.Listen] = "ingress inside"
	}
	for _, r := range c.Ingress.Routes {
		inner[r.Listen] = "ingress of " + r.App
	}
	for _, s := range []struct {
		name    string
		listen  int
		clients int
		forward bool
	}{
		{"egress", c.Egress.Listen, len(c.Egress.Clients), false},
		{"identity", c.Identity.Listen, len(c.Identity.Clients), c.Identity.Forward},
		{"models", c.Models.Listen, len(c.Models.Clients), c.Models.Forward},
	} {
		if s.forward && s.clients > 0 {
			return fmt.Errorf("gateway %s: %d clients of what is passed on to the host, expected none", s.name, s.clients)
		}
		if s.clients == 0 && !s.forward {
			if s.listen != 0 {
				return fmt.Errorf("gateway %s: listen port %d without clients, expected one at least", s.name, s.listen)
			}
			continue
		}
		if err := checkPort(s.listen); err != nil {
			return fmt.Errorf("gateway %s: listen %w", s.name, err)
		}
		if other, taken := inner[s.listen]; taken {
			return fmt.Errorf("gateway %s: listen port %d is that of the %s, expected each once", s.name, s.listen, other)
		}
		inner[s.listen] = s.name
	}
	return c.validateClients()
}

func (c Config) validateClients() error {
	seen := map[[2]string]bool{}
	check := func(section, app, host string) error {
		if err := checkTarget(section, app, host, 1); err != nil {
			return err
		}
		if seen[[2]string{section, app}] {
			return fmt.Errorf("gateway %s of %q: given twice, expected each app once", section, app)
		}
		seen[[2]string{section, app}] = true
		return nil
	}
	for _, e := range c.Egress.Clients {
		if err := check("egress", e.App, e.Host); err != nil {
			return err
		}
	}
	for _, i := range c.Identity.Clients {
		if err := check("identity", i.App, i.Host); err != nil {
			return err
		}
		if i.ClientID == "" {
			return fmt.Errorf("gateway identity of %q: no client id", i.App)
		}
	}
	for _, m := range c.Models.Clients {
		if err := check("models", m.App, m.Host); err != nil {
			return err
		}
		for _, name := range m.Models {
			if !isLabel(name) {
				return fmt.Errorf("gateway models of %q: model %q, expected a DNS label", m.App, name)
			}
		}
	}
	if c.Models.On() && (c.Models.Host == "" || !strings.HasPrefix(c.Models.Trust, "/")) {
		return fmt.Errorf("gateway models: host %q and trust %q, expected a name and an absolute folder", c.Models.Host, c.Models.Trust)
	}
	return nil
}

// IsAddress says that a Host of a client is an IP address and no name.
func IsAddress(host string) bool { _, err := netip.ParseAddr(host); return err == nil }
