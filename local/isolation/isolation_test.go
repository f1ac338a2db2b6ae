package isolation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/isolation"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"runc": isolation.Container, "io.containerd.runc.v2": isolation.Container, "io.containerd.runtime.v1.linux": "",
		"crun": isolation.Container, "youki": isolation.Container, "nvidia": isolation.Container,
		"runsc": isolation.GVisor, "runsc-kvm": isolation.GVisor, "io.containerd.runsc.v1": isolation.GVisor,
		"kata": isolation.VM, "kata-fc": isolation.VM, "io.containerd.kata.v2": isolation.VM, "kata-runtime": isolation.VM,
		"": "", "mine": "", "runcx": "",
	} {
		if got := isolation.Of(name); got != want {
			t.Errorf("%q is of level %q, want %q", name, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	plain := isolation.Engine{Runtimes: []string{"io.containerd.runc.v2", "runc"}, Default: "runc"}
	sandboxed := isolation.Engine{Runtimes: []string{"runc", "runsc"}, Default: "runc"}
	all := isolation.Engine{Runtimes: []string{"kata", "runc", "runsc"}, Default: "runc"}
	hardened := isolation.Engine{Runtimes: []string{"runc", "runsc"}, Default: "runsc"}
	odd := isolation.Engine{Runtimes: []string{"mine"}, Default: "mine"}
	for _, c := range []struct {
		setting   string
		engine    isolation.Engine
		strongest bool
		want      isolation.Choice
		refused   bool
	}{
		{"", plain, false, isolation.Choice{Level: isolation.Container}, false},
		{"auto", plain, true, isolation.Choice{Level: isolation.Container}, false},
		{"auto", sandboxed, false, isolation.Choice{Level: isolation.Container}, false},
		{"auto", sandboxed, true, isolation.Choice{Level: isolation.GVisor, Runtime: "runsc"}, false},
		{"", all, true, isolation.Choice{Level: isolation.VM, Runtime: "kata"}, false},
		{"container", all, true, isolation.Choice{Level: isolation.Container}, false},
		{"gvisor", all, false, isolation.Choice{Level: isolation.GVisor, Runtime: "runsc"}, false},
		{"vm", all, false, isolation.Choice{Level: isolation.VM, Runtime: "kata"}, false},
		// An engine that was made stronger as a whole is not weakened unasked.
		{"auto", hardened, false, isolation.Choice{Level: isolation.GVisor}, false},
		{"container", hardened, false, isolation.Choice{Level: isolation.Container, Runtime: "runc"}, false},
		{"gvisor", hardened, false, isolation.Choice{Level: isolation.GVisor}, false},
		{"gvisor", plain, true, isolation.Choice{}, true},
		{"vm", sandboxed, true, isolation.Choice{}, true}, // nothing weaker in its place
		{"auto", odd, true, isolation.Choice{}, false},
		{"container", odd, false, isolation.Choice{}, true},
	} {
		got, err := isolation.Choose(c.setting, c.engine, c.strongest)
		if got != c.want || (err != nil) != c.refused {
			t.Errorf("%q on %v, strongest %v: %+v, %v; want %+v", c.setting, c.engine, c.strongest, got, err, c.want)
		}
	}
}

func TestErrorSaysWhatIsThereAndWhatMends(t *testing.T) {
	t.Parallel()
	_, err := isolation.Choose("gvisor", isolation.Engine{Runtimes: []string{"runc"}, Default: "runc"}, true)
	var refused *isolation.Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), `"gvisor"`) || !strings.Contains(err.Error(), "runtimes runc,") ||
		!strings.Contains(refused.Hint(), "envctl doctor --fix isolation") || refused.Path() != "targets.local.isolation" {
		t.Errorf("%v", err)
	}
}
