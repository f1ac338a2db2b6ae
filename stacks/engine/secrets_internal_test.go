package engine

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/secrets/passphrase"
)

// A process that encrypts with a new salt reads it back with the key that it has:
// the passphrase is asked for, and the key derived, once.
func TestANewSaltIsDerivedOnce(t *testing.T) {
	t.Parallel()
	asked := 0
	p := newSecretsProvider(func(context.Context) (string, error) { asked++; return "correct horse", nil }, filepath.Join(t.TempDir(), "salt"), "")
	fresh := p.manager()
	sealed, err := fresh.Encrypter().EncryptValue(t.Context(), "value")
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.OfType(t.Context(), passphrase.Type, fresh.State())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Decrypter().DecryptValue(t.Context(), sealed); err != nil || got != "value" || asked != 1 {
		t.Errorf("%q, %v, derived %d times", got, err, asked)
	}
}
