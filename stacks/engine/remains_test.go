package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// A kill in the middle of a write or of a removal leaves files that no other
// write replaces; the end of the stack takes them with it, and nothing else.
func TestNothingIsLeftOfAStack(t *testing.T) {
	t.Parallel()
	for name, up := range map[string]bool{"a stack that is there": true, "one that is gone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			e := newEngine(t, dir, withWorld(newWorld()), func(c *engine.Config) {
				c.Interrupted = func(stacks.Ref) bool { return true }
			})
			if up {
				if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			state := filepath.Join(dir, "pulumi", ".pulumi")
			left := []string{
				"stacks/envctl/" + ref.String() + ".json.18eacd4f1838e3c5.tmp",
				"stacks/envctl/" + ref.String() + ".json.bak.18eacd4f1838e3c5.tmp",
				"stacks/envctl/" + ref.String() + ".pulumi-tags.18eacd4f1838e3c5.tmp",
				"history/envctl/" + ref.String() + "/" + ref.String() + "-1.history.json",
				"backups/envctl/" + ref.String() + "/" + ref.String() + ".1.json",
				"locks/organization/envctl/" + ref.String() + "/1b2d.json.18eacd4f1838e3c5.tmp",
			}
			kept := []string{
				"stacks/envctl/" + ref.String() + ".json.mine",
				"stacks/envctl/more." + ref.String() + ".json.18eacd4f1838e3c5.tmp",
			}
			for _, file := range append(left, kept...) {
				path := filepath.Join(state, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := e.Destroy(t.Context(), ref, stacks.Options{}); err != nil {
				t.Fatal(err)
			}
			for _, file := range left {
				if _, err := os.Stat(filepath.Join(state, file)); !os.IsNotExist(err) {
					t.Errorf("%s is left: %v", file, err)
				}
			}
			for _, file := range kept {
				if _, err := os.Stat(filepath.Join(state, file)); err != nil {
					t.Errorf("%s is not ours and gone: %v", file, err)
				}
			}
		})
	}
}
