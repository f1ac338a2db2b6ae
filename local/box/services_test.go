package box

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestServicesAreChecked(t *testing.T) {
	t.Parallel()
	serve := func(context.Context, map[int]net.Listener) error { return nil }
	for name, tt := range map[string]struct {
		services *Services
		want     string // in the error; "": there is none
	}{
		"none":              {nil, ""},
		"all":               {&Services{Ports: []int{1}, Serve: serve, Folder: "/f", Files: map[string][]byte{"a": nil}, Env: map[string]string{"A": "="}}, ""},
		"no port":           {&Services{Serve: serve}, "need a port"},
		"nobody serves":     {&Services{Ports: []int{1}}, "need a port"},
		"a relative folder": {&Services{Ports: []int{1}, Serve: serve, Folder: "f", Files: map[string][]byte{"a": nil}}, "is not absolute"},
		"a variable":        {&Services{Ports: []int{1}, Serve: serve, Env: map[string]string{"A=B": ""}}, `"A=B" is no name`},
	} {
		err := Spec{Image: "i", CPU: 1, Memory: minMemory, TTL: time.Second, Services: tt.services}.check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, expected %q", name, err, tt.want)
		}
	}
	if _, err := (&Services{Files: map[string][]byte{"../a": nil}}).archive(); err == nil {
		t.Error("a file outside of its folder is packed")
	}
}

// What a box is made with is the same however its services are written down.
func TestServicesAreInTheBox(t *testing.T) {
	t.Parallel()
	s := Spec{Services: &Services{Hosts: []string{"models", "gateway"}, Env: map[string]string{"B": "2", "A": "1"}}}
	if got, want := s.profile().Hosts, []string{"gateway:127.0.0.1", "models:127.0.0.1"}; !slices.Equal(got, want) {
		t.Errorf("names %q, expected %q", got, want)
	}
	if got := s.variables(); !slices.Equal(got[len(got)-2:], []string{"A=1", "B=2"}) {
		t.Errorf("variables %q", got)
	}
	if got := (Spec{}).variables(); len(got) != 3 || len((Spec{}).profile().Hosts) != 0 {
		t.Errorf("without services: %q", got)
	}
}
