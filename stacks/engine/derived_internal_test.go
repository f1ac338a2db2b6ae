package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/pkg/v3/secrets/passphrase"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
)

// keeping is a provider that keeps its key below a folder.
func keeping(dir, phrase string) *secretsProvider {
	return newSecretsProvider(func(context.Context) (string, error) { return phrase, nil },
		filepath.Join(dir, "salt"), filepath.Join(dir, "derived"))
}

func open(t *testing.T, p *secretsProvider, salt string) (secrets.Manager, error) {
	t.Helper()
	return p.derive(t.Context(), salt)
}

// sealed is a value encrypted by a manager.
func sealed(t *testing.T, m secrets.Manager) string {
	t.Helper()
	out, err := m.Encrypter().EncryptValue(t.Context(), "value")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func opens(t *testing.T, m secrets.Manager, text string) {
	t.Helper()
	if got, err := m.Decrypter().DecryptValue(t.Context(), text); err != nil || got != "value" {
		t.Errorf("%q, %v", got, err)
	}
}

// What is encrypted here opens with Pulumi's own manager of the same passphrase, and
// the other way round.
func TestKeysArePulumis(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ours, err := open(t, keeping(dir, "correct horse"), "")
	if err != nil {
		t.Fatal(err)
	}
	salt, err := os.ReadFile(filepath.Join(dir, "salt"))
	if err != nil || !bytes.Equal(ours.State(), saltState(string(salt))) || ours.Type() != passphrase.Type {
		t.Fatalf("%s is not the state of %s: %v", ours.State(), salt, err)
	}
	theirs, err := passphrase.GetPassphraseSecretsManager("correct horse", string(salt))
	if err != nil {
		t.Fatal(err)
	}
	opens(t, theirs, sealed(t, ours))
	state, other, err := passphrase.NewPassphraseSecretsManager("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := open(t, keeping(dir, "correct horse"), state)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, again, sealed(t, other))
	if !bytes.Equal(again.State(), other.State()) {
		t.Errorf("%s, Pulumi's %s", again.State(), other.State())
	}
	// The salt is another machine's: its key is not the one that is kept.
	if have, ok := readDerived(filepath.Join(dir, "derived")); !ok || have.Salt != string(salt) {
		t.Errorf("kept for %q: %t", have.Salt, ok)
	}
	if _, err := open(t, keeping(dir, "wrong"), state); !errors.As(err, new(*PassphraseError)) {
		t.Errorf("a wrong passphrase: %v", err)
	}
}

// The key in the file is what opens a state, as long as it is of that passphrase and
// that salt and nobody else can read it. The one here leads from no passphrase.
func TestAKeyIsDerivedOnce(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, config.SymmetricCrypterKeyBytes)
	check, err := config.NewSymmetricCrypter(key).EncryptValue(t.Context(), saltCheck)
	if err != nil {
		t.Fatal(err)
	}
	salt := "v1:AAAAAAAAAAA=:" + check
	for name, tt := range map[string]struct {
		change func(*derivedKey)
		mode   os.FileMode
		used   bool
	}{
		"as it was kept":        {func(*derivedKey) {}, 0o600, true},
		"of another passphrase": {func(d *derivedKey) { d.Phrase = sumOf("other") }, 0o600, false},
		"of another salt":       {func(d *derivedKey) { d.Salt = "v1:AAAA:x" }, 0o600, false},
		"another key":           {func(d *derivedKey) { d.Key[0]++ }, 0o600, false},
		"too short":             {func(d *derivedKey) { d.Key = d.Key[1:] }, 0o600, false},
		"open to all":           {func(*derivedKey) {}, 0o644, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := derivedKey{Phrase: sumOf("correct horse"), Salt: salt, Key: bytes.Clone(key)}
			tt.change(&d)
			raw, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "derived"), raw, tt.mode); err != nil {
				t.Fatal(err)
			}
			m, err := open(t, keeping(dir, "correct horse"), salt)
			if tt.used {
				if err != nil {
					t.Fatal(err)
				}
				opens(t, m, sealed(t, m))
				return
			}
			if !errors.As(err, new(*PassphraseError)) {
				t.Errorf("%v, and no passphrase leads to that key", err)
			}
		})
	}
}

func TestWhatIsKeptIsForItsOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := open(t, keeping(dir, "correct horse"), "")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "derived"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	salt, err := os.ReadFile(filepath.Join(dir, "salt"))
	if err != nil {
		t.Fatal(err)
	}
	// Spoilt, it is derived again and kept anew.
	if err := os.WriteFile(filepath.Join(dir, "derived"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := open(t, keeping(dir, "correct horse"), string(salt))
	if err != nil {
		t.Fatal(err)
	}
	opens(t, second, sealed(t, first))
	if have, ok := readDerived(filepath.Join(dir, "derived")); !ok || have.Salt != string(salt) {
		t.Errorf("kept anew: %+v, %t", have, ok)
	}
}
