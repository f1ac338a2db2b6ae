package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/pkg/v3/secrets/passphrase"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
)

// secretsProvider makes Pulumi's passphrase secrets managers, whose key takes
// 1,000,000 rounds of PBKDF2 (0.15 s), only when a value is really encrypted or
// decrypted. The salt is kept in a file, so a machine derives it once.
type secretsProvider struct {
	phrase      func(context.Context) (string, error)
	saltFile    string
	derivedFile string // empty: no key is kept

	mu       sync.Mutex
	managers map[string]*lazyManager // by salt
}

var _ secrets.Provider = (*secretsProvider)(nil)

func newSecretsProvider(phrase func(context.Context) (string, error), saltFile, derivedFile string) *secretsProvider {
	return &secretsProvider{phrase: phrase, saltFile: saltFile, derivedFile: derivedFile, managers: map[string]*lazyManager{}}
}

// OfType implements [secrets.Provider].
func (p *secretsProvider) OfType(_ context.Context, ty string, state json.RawMessage) (secrets.Manager, error) {
	if ty != passphrase.Type {
		return nil, fmt.Errorf("the state is encrypted by the secrets provider %q, and envctl reads %q only: "+
			"change it with `pulumi stack change-secrets-provider passphrase`", ty, passphrase.Type)
	}
	var s struct {
		Salt string `json:"salt"`
	}
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, fmt.Errorf("reading the state's secrets provider: %w", err)
	}
	return stack.NewBatchingCachingSecretsManager(p.withSalt(s.Salt)), nil
}

// manager is the one for new state: with the salt of this machine.
func (p *secretsProvider) manager() secrets.Manager {
	salt, err := os.ReadFile(p.saltFile)
	if err == nil && len(salt) > 0 {
		return stack.NewBatchingCachingSecretsManager(p.withSalt(strings.TrimSpace(string(salt))))
	}
	return p.withSalt("") // not in batches: these are encrypted after the manager's name is asked for
}

func (p *secretsProvider) withSalt(salt string) *lazyManager {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, ok := p.managers[salt]
	if !ok {
		m = &lazyManager{salt: salt, derive: p.derive}
		p.managers[salt] = m
	}
	return m
}

func (p *secretsProvider) derive(ctx context.Context, salt string) (secrets.Manager, error) {
	if p.phrase == nil {
		return nil, errors.New("the state holds secrets and no passphrase is given")
	}
	phrase, err := p.phrase(ctx)
	if err != nil {
		return nil, err
	}
	if salt != "" && p.derivedFile != "" {
		return p.kept(ctx, phrase, salt)
	}
	if salt != "" {
		m, err := passphrase.GetPassphraseSecretsManager(phrase, salt)
		if errors.Is(err, passphrase.ErrIncorrectPassphrase) {
			return nil, &PassphraseError{}
		}
		return m, err
	}
	state, key, err := newSalt(ctx, phrase)
	if err != nil {
		return nil, err
	}
	m, err := managerOf(ctx, key, state)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// Who reads the state back in this process has the key already.
	p.managers[state] = &lazyManager{salt: state, used: true, inner: m}
	if err := p.keepSalt(state); err != nil {
		return nil, err
	}
	p.keepKey(derivedKey{Phrase: sumOf(phrase), Salt: state, Key: key})
	return m, nil
}

// keepSalt writes the salt unless another process was faster; either salt works
// for the state that it is written into.
func (p *secretsProvider) keepSalt(state string) error {
	tmp, err := os.CreateTemp(filepath.Dir(p.saltFile), ".salt-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err := tmp.WriteString(state); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), p.saltFile); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// PassphraseError says that the state was encrypted with another passphrase.
type PassphraseError struct{}

func (*PassphraseError) Error() string {
	return "the passphrase does not fit the secrets in the state"
}

// Hint says how to mend it.
func (*PassphraseError) Hint() string {
	return "give the passphrase that the state was made with by ENVCTL_PASSPHRASE or ENVCTL_PASSPHRASE_FILE"
}

// lazyManager is a passphrase manager that is not derived yet. One without a salt
// names itself only once a value was encrypted, so state without secrets says
// that it has no secrets provider; the engine asks after it has written all values.
type lazyManager struct {
	salt   string // empty: a new one is made at the first use
	derive func(ctx context.Context, salt string) (secrets.Manager, error)

	mu    sync.Mutex
	used  bool
	inner secrets.Manager
	err   error
}

// get derives the key at the first call.
func (m *lazyManager) get(ctx context.Context) (secrets.Manager, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.used {
		m.used = true
		m.inner, m.err = m.derive(ctx, m.salt)
	}
	return m.inner, m.err
}

var _ secrets.Manager = (*lazyManager)(nil)

// Type implements [secrets.Manager].
func (m *lazyManager) Type() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.salt == "" && !m.used {
		return ""
	}
	return passphrase.Type
}

// State implements [secrets.Manager]. A salt that is known needs no key.
func (m *lazyManager) State() json.RawMessage {
	if m.salt == "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.inner == nil {
			return nil
		}
		return m.inner.State()
	}
	return saltState(m.salt)
}

// Encrypter implements [secrets.Manager].
func (m *lazyManager) Encrypter() config.Encrypter { return lazyCrypter{m} }

// Decrypter implements [secrets.Manager].
func (m *lazyManager) Decrypter() config.Decrypter { return lazyCrypter{m} }

type lazyCrypter struct{ m *lazyManager }

func (c lazyCrypter) EncryptValue(ctx context.Context, plaintext string) (string, error) {
	inner, err := c.m.get(ctx)
	if err != nil {
		return "", err
	}
	return inner.Encrypter().EncryptValue(ctx, plaintext)
}

func (c lazyCrypter) BatchEncrypt(ctx context.Context, values []string) ([]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	inner, err := c.m.get(ctx)
	if err != nil {
		return nil, err
	}
	return inner.Encrypter().BatchEncrypt(ctx, values)
}

func (c lazyCrypter) DecryptValue(ctx context.Context, ciphertext string) (string, error) {
	inner, err := c.m.get(ctx)
	if err != nil {
		return "", err
	}
	return inner.Decrypter().DecryptValue(ctx, ciphertext)
}

func (c lazyCrypter) BatchDecrypt(ctx context.Context, values []string) ([]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	inner, err := c.m.get(ctx)
	if err != nil {
		return nil, err
	}
	return inner.Decrypter().BatchDecrypt(ctx, values)
}
