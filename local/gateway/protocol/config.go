// Package protocol is what envctl and the gateway inside a sandbox tell each
// other: a [Config] goes in as one JSON value, [Event] values come out as lines
// of JSON, and [Status] answers a question about the present.
//
// Both sides treat what they read as untrusted: decoding is strict for the
// configuration, bounded for everything, and never panics.
package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// EnvConfig is the variable that carries the configuration into the container.
const EnvConfig = "ENVCTL_GATEWAY"

// maxConfig is the longest configuration in bytes: Linux accepts no longer
// string in a process's environment (MAX_ARG_STRLEN).
const maxConfig = 128 << 10

// Config is everything a gateway does. Each function has one section, and an
// empty section means that the function is off.
type Config struct {
	Ingress  Ingress  `json:"ingress,omitzero"`
	Health   Health   `json:"health,omitzero"`
	Egress   Egress   `json:"egress,omitzero"`
	Identity Identity `json:"identity,omitzero"`
	Models   Models   `json:"models,omitzero"`
}

// Ingress lets connections from outside the sandbox in.
type Ingress struct {
	// HostOnly refuses peers other than the default gateway of the container,
	// which is the address the engine's host has when a published port is used.
	HostOnly bool    `json:"hostOnly,omitempty"`
	Routes   []Route `json:"routes,omitempty"`
	// Inside lets apps call each other by name at one port, as the ingress inside
	// an environment of Container Apps does. It is off where it has no routes.
	Inside Inside `json:"inside,omitzero"`
}

// Inside is one listener on the networks that have no way out, and the apps behind
// it, chosen by the name that a request is for.
type Inside struct {
	Listen int           `json:"listen"` // port in the gateway's container
	Routes []InsideRoute `json:"routes,omitempty"`
}

// InsideRoute is one app that others call by its name.
type InsideRoute struct {
	App  string `json:"app"`  // the name that it is called by
	Host string `json:"host"` // alias of the app on the internal network, or an IP address
	Port int    `json:"port"` // port of the app
	// ReadOnly lets through what only reads: GET and HEAD without a body.
	ReadOnly bool `json:"readOnly,omitempty"`
}

// Route is one listener and the app behind it.
type Route struct {
	App    string `json:"app"`
	Listen int    `json:"listen"` // port in the gateway's container
	Host   string `json:"host"`   // alias of the app on the internal network, or an IP address
	Port   int    `json:"port"`   // port of the app
}

// Health watches apps.
type Health struct {
	Probes []Probe `json:"probes,omitempty"`
}

// Probe is the check of one app. Times are in seconds.
type Probe struct {
	App      string  `json:"app"`
	Host     string  `json:"host"`
	Port     int     `json:"port"`
	Path     string  `json:"path,omitempty"` // empty: a TCP connection is enough
	Interval float64 `json:"interval"`       // between checks of an app that has been healthy
	Timeout  float64 `json:"timeout"`        // of one check
	Retries  int     `json:"retries"`        // failures in a row that make it unhealthy
	Grace    float64 `json:"grace"`          // from the moment the app's name resolves to never-up
}

// Seconds converts a number of seconds of a Config.
func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Empty reports whether there is nothing for a gateway to do.
func (c Config) Empty() bool {
	return len(c.Ingress.Routes) == 0 && len(c.Ingress.Inside.Routes) == 0 && len(c.Health.Probes) == 0 &&
		len(c.Egress.Clients) == 0 && !c.Identity.On() && !c.Models.On()
}

// Encode returns the JSON of c; equal configurations have equal JSON.
func (c Config) Encode() (string, error) {
	if err := c.validate(); err != nil {
		return "", err
	}
	out, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("gateway configuration: %w", err)
	}
	if len(out) >= maxConfig {
		return "", tooLong(len(out))
	}
	return string(out), nil
}

// Decode reads what [Config.Encode] wrote. An unknown key, a value out of range,
// a duplicate app or port, and anything after the JSON value are errors.
func Decode(text string) (Config, error) {
	if len(text) >= maxConfig {
		return Config{}, tooLong(len(text))
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	var c Config
	if err := decoder.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("gateway configuration: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("gateway configuration: expected one JSON value, found more after it")
	}
	c.dropEmpty()
	return c, c.validate()
}

// dropEmpty makes an empty list none: both are the same configuration, which has
// one JSON.
func (c *Config) dropEmpty() {
	none(&c.Ingress.Routes)
	none(&c.Ingress.Inside.Routes)
	none(&c.Health.Probes)
	none(&c.Egress.Clients)
	none(&c.Egress.Private)
	for i := range c.Egress.Clients {
		none(&c.Egress.Clients[i].Allow)
	}
	none(&c.Identity.Clients)
	for i := range c.Identity.Clients {
		none(&c.Identity.Clients[i].Resources)
	}
	none(&c.Models.Clients)
	for i := range c.Models.Clients {
		none(&c.Models.Clients[i].Models)
	}
}

func none[T any](list *[]T) {
	if len(*list) == 0 {
		*list = nil
	}
}

func tooLong(n int) error {
	return fmt.Errorf("gateway configuration: %d bytes, at most %d fit in an environment variable: use fewer apps with ingress", n, maxConfig-1)
}
