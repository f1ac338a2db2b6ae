package provider

import (
	"context"
	"testing"

	"github.com/moby/moby/client"
)

// TestNetworkAhead: what was made ahead is what the resource becomes, what nobody asked
// for is removed, and somebody else's network is left alone.
func TestNetworkAhead(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	exp := unique(t)
	e.sweep(t, exp)
	ahead := NewAhead(e.Client)
	srv, err := New(Options{Client: e.Client, Ahead: ahead})
	must(t, err)
	no := false
	want := client.NetworkCreateOptions{Driver: "bridge", Internal: true, EnableIPv6: &no, Labels: map[string]string{
		labelExperiment: exp, labelInstance: "i", labelTarget: "local"}}

	ahead.Network(t.Context(), exp, want)
	n := resourceOf(t, srv, "Network", "net")
	n.mustCreate(obj{"name": exp, "internal": true, "labels": labels(exp)})
	if id := ahead.begun[exp].id; n.id != id {
		t.Errorf("made %s, ahead %s", n.id, id)
	}
	must(t, ahead.Drop(t.Context(), exp))
	if !n.refresh() {
		t.Error("a network that was asked for was dropped")
	}
	must(t, n.delete())

	ahead.Network(t.Context(), exp, want)
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ahead.wait(interrupted, exp); err == nil {
		t.Error("an interrupted wait goes on")
	}
	must(t, ahead.Drop(t.Context(), exp))
	must(t, ahead.Drop(t.Context(), exp))
	if left, err := ahead.networks.byName(t.Context(), exp); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}

	foreign, err := e.NetworkCreate(t.Context(), exp, client.NetworkCreateOptions{})
	must(t, err)
	ahead.Network(t.Context(), exp, want)
	must(t, ahead.Drop(t.Context(), exp))
	if left, err := ahead.networks.byName(t.Context(), exp); err != nil || len(left) != 1 || left[0].ID != foreign.ID {
		t.Errorf("beside somebody else's: %v, %v", left, err)
	}
	_, err = e.NetworkRemove(t.Context(), foreign.ID, client.NetworkRemoveOptions{})
	must(t, err)
}
