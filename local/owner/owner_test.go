package owner_test

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/owner"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		label string
		want  owner.Owner
		ok    bool
	}{
		{"box/42/boot/7", owner.Owner{Place: "box", PID: 42, Start: "boot/7"}, true},
		{"box:402653/42/boot/7", owner.Owner{Place: "box:402653", PID: 42, Start: "boot/7"}, true},
		{"box/42", owner.Owner{Place: "box", PID: 42}, true}, // of an older envctl
		{"box/42/", owner.Owner{Place: "box", PID: 42}, true},
		{"", owner.Owner{}, false},
		{"box", owner.Owner{}, false},
		{"/42", owner.Owner{}, false},
		{"box/", owner.Owner{}, false},
		{"box/0/boot/7", owner.Owner{}, false},
		{"box/-1/boot/7", owner.Owner{}, false},
		{"box/+42/boot/7", owner.Owner{}, false},
		{"box/042", owner.Owner{}, false},
		{"box/99999999999999999999", owner.Owner{}, false},
	} {
		if got, ok := owner.Parse(test.label); got != test.want || ok != test.ok {
			t.Errorf("Parse(%q) = %+v, %v; want %+v, %v", test.label, got, ok, test.want, test.ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"box/42/boot/7", "box/42", "//", "box/42/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		o, ok := owner.Parse(label)
		if !ok {
			if owner.Gone(label) {
				t.Errorf("Gone(%q) of what names nobody", label)
			}
			return
		}
		if again, ok := owner.Parse(o.String()); !ok || again != o {
			t.Errorf("Parse(%q) = %+v, but its String is read as %+v, %v", label, o, again, ok)
		}
	})
}

func TestGone(t *testing.T) {
	t.Parallel()
	self, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	if self.Start == "" {
		t.Error("this process has no start")
	}
	dead := self
	dead.PID = ended(t)
	reused := self
	reused.Start += "0"
	elsewhere, otherSpace := dead, dead
	elsewhere.Place = "another." + dead.Place
	otherSpace.Place += ":1"
	older := self
	older.Start = ""
	for name, test := range map[string]struct {
		label string
		want  bool
	}{
		"itself":                    {self.String(), false},
		"ended":                     {dead.String(), true},
		"PID used again":            {reused.String(), true},
		"on another machine":        {elsewhere.String(), false},
		"in another PID namespace":  {otherSpace.String(), false},
		"of an older envctl, runs":  {older.String(), false},
		"of an older envctl, ended": {strings.Join(strings.SplitN(dead.String(), "/", 3)[:2], "/"), true},
		"nobody":                    {"", false},
		"nonsense":                  {"what?", false},
	} {
		if got := owner.Gone(test.label); got != test.want {
			t.Errorf("%s: Gone(%q) = %v, want %v", name, test.label, got, test.want)
		}
	}
}

// TestGoneOfAZombie holds that a killed owner whose parent does not ask how it
// ended, as one in a container without an init, counts as gone.
func TestGoneOfAZombie(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	out, err := cmd.StdoutPipe() // ends with the process, before anybody waits for it
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	o.PID = cmd.Process.Pid
	o.Start, _ = owner.StartOf(o.PID)
	if o.Gone() {
		t.Error("gone while it runs")
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, out)
	for range 1000 { // the pipe closes a moment before the process is a zombie
		if o.Gone() {
			break
		}
	}
	if !o.Gone() {
		t.Error("a zombie counts as running")
	}
	_ = cmd.Wait()
}

// ended is the PID of a process that was and is no more.
func ended(t *testing.T) int {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}
