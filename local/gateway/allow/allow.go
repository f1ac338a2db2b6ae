// Package allow decides which hosts a workload may reach: the allow-list of a
// definition, the one form of a host that is checked, resolved and dialled, and
// the addresses that no name may lead to.
//
// Nothing in it resolves or connects, so that every decision is a pure function
// of what it is given.
package allow

import (
	"fmt"
	"slices"
	"strings"
)

// Decision says what becomes of a wish to reach a host.
type Decision int

// The decisions.
const (
	// Refused is the zero value: what was not decided is refused.
	Refused Decision = iota
	// Allowed lets plain HTTP through, and a tunnel that speaks TLS to the host by
	// its name.
	Allowed
	// Raw lets through whatever a tunnel carries: the list gives the port, which
	// is not that of TLS, so what speaks there is the definition's business.
	Raw
)

// Ports of an entry that gives none, and the one at which only TLS is spoken.
const (
	portHTTP  = 80
	portHTTPS = 443
)

// Reasons of a decision. They hold nothing of what was asked for.
const (
	reasonEmpty = "its list of hosts is empty, so nothing is allowed"
	reasonHost  = "the host is not in its list"
	reasonPort  = "its list has the host, but not this port"
)

// List is the hosts that a workload may reach; the zero value allows nothing.
type List struct {
	entries []entry
}

// entry is one line of a list.
type entry struct {
	host Host
	wild bool // every name below host, at any depth, and not host itself
	port int  // 0: portHTTP and portHTTPS
}

// Parse reads the entries of a definition: example.com, *.example.com, either with
// :port. One that is not such an entry is an error, never left out.
func Parse(entries []string) (List, error) {
	var l List
	for _, text := range entries {
		e, err := parseEntry(text)
		if err != nil {
			return List{}, fmt.Errorf("allow-list entry %q: %w", text, err)
		}
		l.entries = append(l.entries, e)
	}
	return l, nil
}

func parseEntry(text string) (e entry, err error) {
	name := text
	if at := strings.LastIndexByte(name, ':'); at >= 0 {
		if e.port, err = parsePort(name[at+1:]); err != nil {
			return entry{}, err
		}
		name = name[:at]
	}
	name, e.wild = strings.CutPrefix(name, "*.")
	e.host, err = ParseHost(name)
	return e, err
}

// Decide says whether the list has the host with the port, and why not. It is
// asked before the name is resolved: a look-up alone would carry data out.
func (l List) Decide(host Host, port int) (Decision, string) {
	if len(l.entries) == 0 {
		return Refused, reasonEmpty
	}
	decision, reason := Refused, reasonHost
	for _, e := range l.entries {
		if !e.names(host) {
			continue
		}
		switch {
		case e.port == port && port != portHTTPS:
			return Raw, ""
		case e.port == port, e.port == 0 && (port == portHTTP || port == portHTTPS):
			decision, reason = Allowed, ""
		case decision == Refused:
			reason = reasonPort
		}
	}
	return decision, reason
}

// Names says whether the list has the host, at whatever port.
func (l List) Names(host Host) bool {
	return slices.ContainsFunc(l.entries, func(e entry) bool { return e.names(host) })
}

func (e entry) names(host Host) bool {
	if host.name == "" {
		return false
	}
	if e.wild {
		return strings.HasSuffix(host.name, "."+e.host.name)
	}
	return host == e.host
}
