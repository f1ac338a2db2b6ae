package protocol

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
)

// maxSeconds bounds every time in a Config: one hour, far above what a
// definition allows, far below what overflows a time.Duration.
const maxSeconds = 3600

func (c Config) validate() error {
	apps, ports := map[string]bool{}, map[int]bool{}
	for _, r := range c.Ingress.Routes {
		if err := checkTarget("ingress", r.App, r.Host, r.Port); err != nil {
			return err
		}
		if err := checkPort(r.Listen); err != nil {
			return fmt.Errorf("gateway ingress of %q: listen %w", r.App, err)
		}
		if apps[r.App] || ports[r.Listen] {
			return fmt.Errorf("gateway ingress of %q: app or listen port %d given twice, expected each once", r.App, r.Listen)
		}
		apps[r.App], ports[r.Listen] = true, true
	}
	if err := c.Ingress.Inside.validate(ports); err != nil {
		return err
	}
	clear(apps)
	for _, p := range c.Health.Probes {
		if err := p.validate(); err != nil {
			return err
		}
		if apps[p.App] {
			return fmt.Errorf("gateway health of %q: given twice, expected one probe an app", p.App)
		}
		apps[p.App] = true
	}
	return c.validateServices()
}

// validate checks the inside against the ports that are taken.
func (in Inside) validate(ports map[int]bool) error {
	if len(in.Routes) == 0 {
		if in.Listen != 0 {
			return fmt.Errorf("gateway ingress inside: listen port %d without routes, expected one at least", in.Listen)
		}
		return nil
	}
	if err := checkPort(in.Listen); err != nil {
		return fmt.Errorf("gateway ingress inside: listen %w", err)
	}
	if ports[in.Listen] {
		return fmt.Errorf("gateway ingress inside: listen port %d given twice, expected each once", in.Listen)
	}
	apps := map[string]bool{}
	for _, r := range in.Routes {
		if err := checkTarget("ingress inside", r.App, r.Host, r.Port); err != nil {
			return err
		}
		if apps[r.App] {
			return fmt.Errorf("gateway ingress inside of %q: given twice, expected each app once", r.App)
		}
		apps[r.App] = true
	}
	return nil
}

func (p Probe) validate() error {
	if err := checkTarget("health", p.App, p.Host, p.Port); err != nil {
		return err
	}
	if p.Path != "" && (p.Path[0] != '/' || len(p.Path) > 1024 || strings.ContainsFunc(p.Path, notPrintable)) {
		return fmt.Errorf("gateway health of %q: path %q, expected / and up to 1023 printable ASCII characters", p.App, p.Path)
	}
	if p.Retries < 1 || p.Retries > 100 {
		return fmt.Errorf("gateway health of %q: retries %d, expected 1 to 100", p.App, p.Retries)
	}
	for _, t := range []struct {
		name    string
		seconds float64
		least   float64
	}{{"interval", p.Interval, 0.01}, {"timeout", p.Timeout, 0.01}, {"grace", p.Grace, 0}} {
		if math.IsNaN(t.seconds) || t.seconds < t.least || t.seconds > maxSeconds {
			return fmt.Errorf("gateway health of %q: %s %v, expected %v to %d seconds", p.App, t.name, t.seconds, t.least, maxSeconds)
		}
	}
	return nil
}

func checkTarget(section, app, host string, port int) error {
	if !isLabel(app) {
		return fmt.Errorf("gateway %s: app %q, expected a DNS label", section, app)
	}
	if _, err := netip.ParseAddr(host); err != nil && !isLabel(host) {
		return fmt.Errorf("gateway %s of %q: host %q, expected a DNS label or an IP address", section, app, host)
	}
	if err := checkPort(port); err != nil {
		return fmt.Errorf("gateway %s of %q: %w", section, app, err)
	}
	return nil
}

func checkPort(port int) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("port %d, expected 1 to 65535", port)
	}
	return nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
	})
}

func notPrintable(r rune) bool { return r <= ' ' || r > '~' }
