package state

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile is the file of the key that envctl makes.
func (d *Dir) KeyFile() string { return filepath.Join(d.path, "key") }

// Passphrase returns what secrets in the state are encrypted with: what the user
// gives by ENVCTL_PASSPHRASE or ENVCTL_PASSPHRASE_FILE (or Pulumi's own
// PULUMI_CONFIG_PASSPHRASE and PULUMI_CONFIG_PASSPHRASE_FILE), else a key of 32
// random bytes that is made once and that only its owner can read (0600).
func (d *Dir) Passphrase(context.Context) (string, error) {
	for _, name := range phraseVariables() {
		if value := d.getenv(name); value != "" {
			return value, nil
		}
	}
	for _, name := range phraseFileVariables() {
		if path := d.getenv(name); path != "" {
			return readKey(path, name)
		}
	}
	if _, err := os.Stat(d.KeyFile()); errors.Is(err, fs.ErrNotExist) {
		if err := d.makeKey(); err != nil {
			return "", &DirError{Path: d.path, Err: err}
		}
	}
	return d.readOwnKey()
}

// phraseVariables are those that have a passphrase, the first that is set.
func phraseVariables() []string { return []string{"ENVCTL_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE"} }

// phraseFileVariables are those that name its file.
func phraseFileVariables() []string {
	return []string{"ENVCTL_PASSPHRASE_FILE", "PULUMI_CONFIG_PASSPHRASE_FILE"}
}

// readKey reads the file that a variable names; the end of its line is not part
// of the passphrase.
func readKey(path, variable string) (string, error) {
	raw, err := os.ReadFile(path)
	key := strings.TrimRight(string(raw), "\r\n")
	if err == nil && key == "" {
		err = fmt.Errorf("%q is empty", path)
	}
	if err != nil {
		return "", fmt.Errorf("the passphrase file that %s names cannot be read: %w", variable, err)
	}
	return key, nil
}

// readOwnKey reads the key that envctl made. A damaged one is never replaced: a
// new key would make what the old one encrypted unreadable for good.
func (d *Dir) readOwnKey() (string, error) {
	path := d.KeyFile()
	info, err := os.Stat(path)
	if err != nil {
		return "", &DirError{Path: d.path, Err: err}
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", &DirError{Path: d.path, Err: &ModeError{Path: path, Mode: mode, Want: 0o600}}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", &DirError{Path: d.path, Err: err}
	}
	key := strings.TrimSpace(string(raw))
	if random, err := base64.StdEncoding.DecodeString(key); err != nil || len(random) != keySize {
		return "", &KeyError{Path: path}
	}
	return key, nil
}

// keySize is in bytes: as many as the AES-256 key that is derived from it.
const keySize = 32

// KeyError is a key file that does not hold what envctl wrote.
type KeyError struct{ Path string }

func (e *KeyError) Error() string {
	return fmt.Sprintf("%q, the key that secrets in the state are encrypted with, is damaged: it is not %d bytes in base64", e.Path, keySize)
}

// Code is the error's name in JSON.
func (*KeyError) Code() string { return "state" }

// Hint says how to mend it.
func (e *KeyError) Hint() string {
	return fmt.Sprintf("restore it from a backup; without one, the secrets of existing stacks are lost: "+
		"move it and %q away, and `envctl down` removes what is up by its labels", filepath.Join(filepath.Dir(e.Path), "pulumi"))
}

// makeKey writes a new key unless another process is faster: the first link of
// the name wins, and what it names is whole.
func (d *Dir) makeKey() error {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(d.path, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), d.KeyFile()); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
