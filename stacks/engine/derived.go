package engine

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/pkg/v3/secrets/passphrase"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
)

// Of Pulumi's passphrase secrets manager (secrets/passphrase, and
// resource/config/crypt.go of the SDK, v3.259.0): the rounds of PBKDF2 with SHA-256,
// the length of a salt in bytes, and what its check is when it is decrypted.
const (
	keyRounds = 1_000_000
	saltSize  = 8
	saltCheck = "pulumi"
)

// derivedKey is the content of the file that a derived key is kept in: that of one
// passphrase and one salt.
type derivedKey struct {
	Phrase string `json:"phrase"` // SHA-256 of the passphrase, hexadecimal
	Salt   string `json:"salt"`   // as in the state: v1:SALT:CHECK
	Key    []byte `json:"key"`
}

// keyManager is a passphrase secrets manager of Pulumi's with a key that is known.
type keyManager struct {
	salt    string
	crypter config.Crypter
}

var _ secrets.Manager = keyManager{}

func (keyManager) Type() string                  { return passphrase.Type }
func (m keyManager) State() json.RawMessage      { return saltState(m.salt) }
func (m keyManager) Encrypter() config.Encrypter { return m.crypter }
func (m keyManager) Decrypter() config.Decrypter { return m.crypter }

// saltState is how a state names its salt.
func saltState(salt string) json.RawMessage {
	raw, err := json.Marshal(map[string]string{"salt": salt})
	if err != nil { // a string can be written
		return nil
	}
	return raw
}

// kept is the manager of a passphrase and a salt, with the key from the file where
// that has it. Only the key of the machine's own salt is put there: the one that is
// asked for again.
func (p *secretsProvider) kept(ctx context.Context, phrase, salt string) (secrets.Manager, error) {
	want := derivedKey{Phrase: sumOf(phrase), Salt: salt}
	if have, ok := readDerived(p.derivedFile); ok && have.Phrase == want.Phrase && have.Salt == salt {
		if m, err := managerOf(ctx, have.Key, salt); err == nil {
			return m, nil
		}
	}
	var err error
	if want.Key, err = deriveKey(phrase, salt); err != nil {
		return nil, err
	}
	m, err := managerOf(ctx, want.Key, salt)
	if err == nil {
		p.keepKey(want)
	}
	return m, err
}

// keepKey keeps the key of the machine's own salt.
func (p *secretsProvider) keepKey(d derivedKey) {
	if own, err := os.ReadFile(p.saltFile); p.derivedFile != "" && err == nil && strings.TrimSpace(string(own)) == d.Salt {
		writeDerived(p.derivedFile, d)
	}
}

// sumOf tells passphrases apart.
func sumOf(phrase string) string {
	sum := sha256.Sum256([]byte(phrase))
	return hex.EncodeToString(sum[:])
}

// managerOf is the manager of a key; a [PassphraseError] where it is not the salt's.
func managerOf(ctx context.Context, key []byte, salt string) (secrets.Manager, error) {
	parts := strings.SplitN(salt, ":", 3)
	if len(parts) != 3 || len(key) != config.SymmetricCrypterKeyBytes {
		return nil, &PassphraseError{}
	}
	crypter := config.NewSymmetricCrypter(key)
	if check, err := crypter.DecryptValue(ctx, parts[2]); err != nil || check != saltCheck {
		return nil, &PassphraseError{}
	}
	return keyManager{salt: salt, crypter: config.NewCiphertextToPlaintextCachedCrypter(crypter, crypter)}, nil
}

// deriveKey is the key of a passphrase and a salt (v1:SALT:CHECK).
func deriveKey(phrase, salt string) ([]byte, error) {
	parts := strings.SplitN(salt, ":", 3)
	if len(parts) != 3 || parts[0] != "v1" {
		return nil, errors.New("the state's salt is not of the form v1:SALT:CHECK")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("the state's salt is not in base64")
	}
	return pbkdf2.Key(sha256.New, phrase, raw, keyRounds, config.SymmetricCrypterKeyBytes)
}

// newSalt makes a salt for a passphrase, and its key.
func newSalt(ctx context.Context, phrase string) (salt string, key []byte, err error) {
	raw := make([]byte, saltSize)
	if _, err := rand.Read(raw); err != nil {
		return "", nil, err
	}
	salt = "v1:" + base64.StdEncoding.EncodeToString(raw) + ":"
	if key, err = deriveKey(phrase, salt); err != nil {
		return "", nil, err
	}
	check, err := config.NewSymmetricCrypter(key).EncryptValue(ctx, saltCheck)
	return salt + check, key, err
}

// readDerived reads a derived key; one that others than its owner can read is none.
func readDerived(file string) (derivedKey, bool) {
	var out derivedKey
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		return out, false
	}
	raw, err := os.ReadFile(file)
	return out, err == nil && json.Unmarshal(raw, &out) == nil
}

// writeDerived keeps a derived key for the next process. Where it cannot, that
// derives the key again.
func writeDerived(file string, d derivedKey) {
	raw, err := json.Marshal(d)
	if err != nil {
		return
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".derived-*") // mode 0600
	if err != nil {
		return
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(raw)
	if errors.Join(err, tmp.Close()) == nil {
		_ = os.Rename(tmp.Name(), file)
	}
}
