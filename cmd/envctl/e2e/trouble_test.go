package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
)

// TestAStateFolderThatCannotBeWritten is told, with what to do, and nothing is made.
func TestAStateFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, quickApp)
	if err := os.MkdirAll(x.state, 0o555); err != nil {
		t.Fatal(err)
	}
	cmd, out, errs := x.command(t.Context(), "up")
	if os.Geteuid() == 0 { // whom no permission keeps from anything
		const nobody = 65534
		if err := errors.Join(os.Chmod(filepath.Dir(x.dir), 0o755), os.Chmod(x.dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v\n%s", err, out)
	}
	has(t, errs.String(), x.state, "permission denied", "ENVCTL_STATE_DIR")
	x.gone()
}

// TestAFullDisk leaves no room, and too little, in the state folder. Whatever fails says
// so, and the same command goes on once there is room.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system that can be full needs root")
	}
	x := newExperiment(t, quickApp)
	if err := os.Mkdir(x.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", x.state, "tmpfs", 0, "size=48m,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(x.state, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	x.must(0, "status") // makes the folders
	ballast := filepath.Join(x.state, "ballast")
	failed := 0
	for _, room := range []int{0, 16 << 10} {
		fill(t, ballast, room)
		for _, command := range []string{"up", "down"} {
			c := x.run(command)
			if c.code == 0 {
				continue
			}
			if failed++; c.code != 1 {
				t.Errorf("with %d bytes of room, %s ends with %d:\n%s", room, command, c.code, c.stderr)
			}
			has(t, c.stderr, "no space left on device")
			if !strings.Contains(c.stderr, "free some space") && !strings.Contains(c.stderr, "goes on from what was recorded last") {
				t.Errorf("nothing says what to do:\n%s", c.stderr)
			}
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		x.must(0, "up")
		x.sound()
	}
	if failed == 0 {
		t.Error("nothing failed, so nothing is proven")
	}
	if err := syscall.Mount("tmpfs", x.state, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	x.must(0, "down")
	x.gone()
}

// fill writes until there is only so much room left.
func fill(t *testing.T, path string, room int) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		t.Fatal(err)
	}
	size := int(disk.Bavail)*int(disk.Bsize) - room
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamage breaks each file that envctl keeps of an experiment: the error names
// it and the way back, and going that way mends it.
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"record": "records/@.json", "state": "pulumi/.pulumi/stacks/envctl/@.json",
	} {
		for _, damage := range []string{"", "{\"version\": 3, \"checkp", "\x00\x01\x02"} {
			t.Run(name+" is "+strings.Map(printable, damage), func(t *testing.T) {
				x := newExperiment(t, quickApp)
				x.must(0, "up")
				x.define(strings.Replace(quickApp, "cpu: 0.25", "env: {STAGE: two}\n    cpu: 0.25", 1))
				x.must(0, "up") // there is an earlier version now
				path := filepath.Join(x.state, strings.ReplaceAll(file, "@", x.name+".default.local"))
				sound, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				breakFile(t, path, damage)
				for _, command := range []string{"status", "down"} {
					c := x.run(command)
					if c.code == 0 && command == "status" {
						continue // it can do without
					}
					if c.code != 1 {
						t.Errorf("%s ends with %d: %s", command, c.code, c.stderr)
					}
					has(t, c.stderr, path, "damaged")
				}
				if now, err := os.ReadFile(path); err != nil || string(now) != damage {
					t.Errorf("the damaged file was replaced: %q, %v", now, err)
				}
				earlier, err := os.ReadFile(path + ".bak")
				if err != nil {
					t.Fatal(err)
				}
				x.define(quickApp) // up has to change something
				has(t, x.must(1, "up").stderr, path+".bak")
				if err := os.WriteFile(path, earlier, 0o600); err != nil {
					t.Fatal(err)
				}
				x.must(0, "up")
				x.sound()
				// Without any copy of it, down goes by labels.
				if len(sound) > 0 {
					for _, p := range []string{path, path + ".bak"} {
						if err := os.Remove(p); err != nil {
							t.Fatal(err)
						}
					}
				}
				x.must(0, "down")
				x.gone()
			})
		}
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

func breakFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEverythingOfTheStateIsGone is an experiment whose state folder somebody
// removed: down finds it by labels, and so does up.
func TestEverythingOfTheStateIsGone(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"up", "down"} {
		t.Run(next, func(t *testing.T) {
			x := newExperiment(t, twoApps)
			x.must(0, "up")
			if err := os.RemoveAll(x.state); err != nil {
				t.Fatal(err)
			}
			if next == "up" {
				began := time.Now()
				if r := x.must(0, "up", "-o", "json").result(t); r.Result != stacks.Created {
					t.Errorf("%+v", r)
				}
				t.Logf("took over in %v", time.Since(began))
				x.sound()
			}
			x.must(0, "down")
			x.gone()
		})
	}
}
