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
	for _, name := range []string{"ENVCTL_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE"} {
		if value := d.getenv(name); value != "" {
			return value, nil
		}
	}
	for _, name := range []string{"ENVCTL_PASSPHRASE_FILE", "PULUMI_CONFIG_PASSPHRASE_FILE"} {
		if path := d.getenv(name); path != "" {
			return readKey(path, name)
		}
	}
	if _, err := os.Stat(d.KeyFile()); errors.Is(err, fs.ErrNotExist) {
		if err := d.makeKey(); err != nil {
			return "", &DirError{Path: d.path, Err: err}
		}
	}
	return readKey(d.KeyFile(), "")
}

func readKey(path, variable string) (string, error) {
	raw, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(raw)) == "" {
		err = errors.New("it is empty")
	}
	if err != nil && variable != "" {
		return "", fmt.Errorf("the passphrase file that %s names cannot be read: %w", variable, err)
	}
	if err != nil {
		return "", fmt.Errorf("the key of the state cannot be read: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// makeKey writes a new key unless another process is faster.
func (d *Dir) makeKey() error {
	key := make([]byte, 32)
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
