package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What a server that was killed left goes with the next command, also with one that
// only looks, or that fails.
func TestEveryCommandReaps(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	for _, args := range [][]string{{"list"}, {"status", "-e", "nobody"}, {"exec", "-e", "nobody", "app", "--", "true"}} {
		server, session := a.stdio()
		id, _ := a.call(session, "create", map[string]any{"image": a.image})["box"].(string)
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = session.Close() // waits for the process
		if a.containers(id) == 0 {
			t.Fatalf("box %q is gone before %q", id, args)
		}
		cmd := exec.CommandContext(t.Context(), built.envctl, args...)
		cmd.Dir = a.dir
		cmd.Env = append(os.Environ(), "ENVCTL_STATE_DIR="+filepath.Join(a.dir, ".state"))
		out, err := cmd.CombinedOutput()
		// The engine ends what it was asked for.
		for deadline := time.Now().Add(5 * time.Second); a.containers(id) > 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q left %d objects of box %q: %v\n%s", args, a.containers(id), id, err, out)
			}
		}
	}
}
