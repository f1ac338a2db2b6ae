package oneshot

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/local/oneshot/packages"
)

const (
	recordFile    = "record.json"
	recordVersion = 1
	// keptRuns is how many records stay; the oldest go first. With RawLimit they
	// take 3.2 GB at most.
	keptRuns = 100
)

// Record is what is kept of a run, so that it can be repeated and compared.
type Record struct {
	Version  int               `json:"version"`
	Spec     Spec              `json:"spec"`
	SpecHash string            `json:"specHash"`
	Image    string            `json:"image"` // digest or ID of the base, before packages
	Pass     []string          `json:"pass,omitempty"`
	Inputs   map[string]string `json:"inputs,omitempty"`  // path in InDir → SHA-256
	Outputs  map[string]string `json:"outputs,omitempty"` // path in OutDir → SHA-256
	Lock     *packages.Lock    `json:"lock,omitempty"`
	Report   Report            `json:"report"`
}

// hash is that of everything the spec says.
func (s Spec) hash() string {
	data, _ := json.Marshal(s) // plain data: it cannot fail
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

var idForm = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[a-z2-7]{6}$`)

// newID is the name of a run: names sort by time.
func newID(now time.Time) string {
	return now.UTC().Format("20060102-150405") + "-" + strings.ToLower(rand.Text()[:6])
}

func (d Deps) runs() string { return filepath.Join(d.Dir, "runs") }

func (d Deps) runDir(id string) string { return filepath.Join(d.runs(), id) }

// IDs are the runs that are recorded, the newest first.
func (d Deps) IDs() ([]string, error) {
	entries, err := os.ReadDir(d.runs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && idForm.MatchString(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, err
}

// Load reads the record of a run.
func (d Deps) Load(id string) (Record, error) {
	missing := func(err error) error {
		return &Error{What: fmt.Sprintf("there is no record of a run %q", id), Kind: "no-run", At: "--again", Exit: statusUsage,
			Mend: "each run tells its ID at its end; the last 100 are kept in " + d.runs(), Err: err}
	}
	if !idForm.MatchString(id) {
		return Record{}, missing(nil)
	}
	file := filepath.Join(d.runDir(id), recordFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, missing(err)
	}
	var r Record
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.Version != recordVersion {
		err = fmt.Errorf("it has version %d, expected %d", r.Version, recordVersion)
	}
	if err != nil {
		return Record{}, &Error{What: fmt.Sprintf("cannot read the record %q", file), Why: err.Error(), Kind: "state", At: file, Exit: 1,
			Mend: "run the program anew; another version of envctl may read it", Err: err}
	}
	return r, nil
}

func (d Deps) save(r Record) error {
	r.Version = recordVersion
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(d.runDir(r.Report.ID), recordFile), append(data, '\n'))
}

// trim removes the oldest records. What cannot be removed stays for the next time.
func (d Deps) trim() {
	ids, err := d.IDs()
	if err != nil || len(ids) <= keptRuns {
		return
	}
	for _, id := range ids[keptRuns:] {
		_ = os.RemoveAll(d.runDir(id))
	}
}
