package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
)

// Settings are what the process of an instance serves. There are no secrets in them.
type Settings struct {
	Engine    string `json:"engine"`    // address in the form of DOCKER_HOST; "": the environment's
	Container string `json:"container"` // name of the gateway's

	Provider string                  `json:"provider"`
	URL      string                  `json:"url,omitempty"`
	Names    map[string]string       `json:"names,omitempty"`
	File     string                  `json:"file,omitempty"` // absolute
	Models   map[string]models.Model `json:"models"`
	Budget   ledger.Budget           `json:"budget"`
	Ledger   string                  `json:"ledger"` // path

	Subscription string `json:"subscription,omitempty"` // of azure
	Tenant       string `json:"tenant,omitempty"`
	// Environment is [Fingerprint] of what credentials are made from, so that another
	// process takes over where they changed.
	Environment string `json:"environment,omitempty"`
}

// Fingerprint tells environments apart, by 32 bits of a hash: too few to find a
// secret again.
func Fingerprint(getenv func(string) string) string {
	hash := sha256.New()
	for _, name := range []string{
		"OPENAI_API_KEY", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_CLIENT_CERTIFICATE_PATH", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID",
		"ARM_USE_OIDC", "ARM_USE_MSI", "ARM_USE_DEFAULT_AZURE_CREDENTIAL", "ARM_OIDC_TOKEN", "ARM_ENVIRONMENT", "AZURE_CONFIG_DIR",
		"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "DOCKER_HOST", "DOCKER_CONTEXT",
	} {
		fmt.Fprintf(hash, "%s=%q\n", name, getenv(name))
	}
	return hex.EncodeToString(hash.Sum(nil)[:4])
}

// Check says what would keep the process from serving.
func (s Settings) Check(ctx context.Context) error {
	if s.Container == "" || s.Ledger == "" {
		return errors.New("models: the settings name no container or no ledger")
	}
	server, err := models.New(ctx, s.config())
	if err != nil {
		return err
	}
	return server.Close()
}

func (s Settings) config() models.Config {
	return models.Config{Provider: s.Provider, URL: s.URL, Names: s.Names, File: s.File, Models: s.Models, Budget: s.Budget}
}

// upstream says that the settings name a model server, which may want a credential.
func (s Settings) upstream() bool { return s.URL != "" }

const settingsFile = "settings.json"

// encode returns the file's content; equal settings have equal ones.
func (s Settings) encode() ([]byte, error) {
	raw, err := json.MarshalIndent(s, "", "  ")
	return append(raw, '\n'), err
}

// readSettings returns the settings of a folder with their mark; false where there
// are none.
func readSettings(dir string) (s Settings, mark string, ok bool, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, "", false, nil
	}
	if err != nil {
		return Settings{}, "", false, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return Settings{}, "", false, fmt.Errorf("%q: %w", settingsFile, err)
	}
	return s, markOf(raw), true, nil
}

// markOf tells settings apart.
func markOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// renewSettings writes the settings unless they are there already.
func renewSettings(dir string, raw []byte) error {
	if _, mark, ok, err := readSettings(dir); err == nil && ok && mark == markOf(raw) {
		return nil
	}
	if err := writeSettings(dir, raw); err != nil {
		return fmt.Errorf("the settings: %w", err)
	}
	return nil
}

// writeSettings replaces the settings at once.
func writeSettings(dir string, raw []byte) error {
	// One name is enough: who writes holds the folder.
	f, err := os.OpenFile(filepath.Join(dir, "."+settingsFile+".tmp"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, settingsFile))
	}
	return err
}

// Handler is what the process serves, for whoever serves it in another way; close
// settles the calls under way.
func (s Settings) Handler(ctx context.Context, o Options, log func(string)) (handler http.Handler, close func() error, err error) {
	c := s.config()
	c.Notice = log
	c.Ledger = ledger.Open(s.Ledger, ledger.Options{Now: o.Now, Self: o.Self, Alive: o.Alive})
	if s.upstream() && o.Credential != nil {
		c.Token = func(ctx context.Context) (string, error) { return o.Credential(ctx, s) }
	}
	server, err := models.New(ctx, c)
	if err != nil {
		return nil, nil, errors.Join(err, c.Ledger.Close())
	}
	return server, func() error { return errors.Join(server.Close(), c.Ledger.Close()) }, nil
}
