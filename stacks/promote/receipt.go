package promote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/internal/atomicfile"
)

// ArtifactType is that of a receipt as an OCI referrer of the images.
const ArtifactType = "application/vnd.envctl.receipt.v1+json"

// receiptVersion is the version of a receipt's form.
const receiptVersion = 1

// Receipt says what was promoted, by whom, and how it was before. It holds no
// secret.
type Receipt struct {
	SchemaVersion int               `json:"schemaVersion"`
	Experiment    string            `json:"experiment"`
	Instance      string            `json:"instance"`
	Definition    string            `json:"definition"` // hash
	Plan          string            `json:"plan"`       // hash of the local plan
	Images        map[string]string `json:"images"`     // digest by workload
	Health        []Health          `json:"health"`     // local, when it was promoted
	Changes       stacks.Changes    `json:"changes"`    // what it did on Azure
	Differences   []plan.Change     `json:"differences"`
	Who           string            `json:"who"`
	When          time.Time         `json:"when"`
	Subscription  string            `json:"subscription"`
	ResourceGroup string            `json:"resourceGroup"`
	Registry      string            `json:"registry"`
	Program       string            `json:"program"` // version of envctl
	Simulated     bool              `json:"simulated,omitempty"`
}

// Health is how an app was locally.
type Health struct {
	App   string    `json:"app"`
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
}

// Healths are those of an observation.
func Healths(obs stacks.Observation) []Health {
	out := make([]Health, 0, len(obs.Apps))
	for _, a := range obs.Apps {
		out = append(out, Health{App: a.Name, State: a.State, Since: a.Since.UTC()})
	}
	return out
}

// JSON is the receipt as it is kept and pushed: always the same bytes for the same
// receipt.
func (r Receipt) JSON() ([]byte, error) {
	if r.Experiment == "" || r.Instance == "" || r.When.IsZero() {
		return nil, errors.New("a receipt needs the experiment, its instance and the time")
	}
	r.SchemaVersion, r.When = receiptVersion, r.When.UTC()
	if r.Differences == nil {
		r.Differences = []plan.Change{}
	}
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
}

// folder is where receipts are below the state folder.
const folder = "receipts"

// Save keeps a receipt below the state folder, and returns its file. An earlier one
// is never overwritten.
func Save(stateDir string, r Receipt) (string, error) {
	data, err := r.JSON()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s.%s.%s.json", r.Experiment, r.Instance, r.When.UTC().Format("20060102T150405.000000000Z"))
	if strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("a receipt cannot be kept under the name %q", name)
	}
	dir := filepath.Join(stateDir, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep the receipt: %w", err)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Lstat(path); err == nil {
		return "", fmt.Errorf("keep the receipt: %q is there already", path)
	}
	return path, atomicfile.Write(path, data, 0o600)
}

// Receipts returns those of an experiment's instance, the oldest first. A damaged
// one is an error that names the file.
func Receipts(stateDir, experiment, instance string) ([]Receipt, error) {
	entries, err := os.ReadDir(filepath.Join(stateDir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Receipt
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), experiment+"."+instance+".") || !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		path := filepath.Join(stateDir, folder, entry.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var r Receipt
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, fmt.Errorf("the receipt %q is damaged: %w", path, err)
		}
		if r.SchemaVersion > receiptVersion {
			return nil, fmt.Errorf("the receipt %q was written by a newer envctl (version %d)", path, r.SchemaVersion)
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Receipt) int { return a.When.Compare(b.When) })
	return out, nil
}
