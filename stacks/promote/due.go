package promote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/envctl/envctl/stacks/internal/atomicfile"
)

// dueSuffix is that of the file beside a receipt that is not yet beside its images.
const dueSuffix = ".due"

// Due is a receipt that is still to be left beside its images.
type Due struct {
	Registry string            `json:"registry"` // login server
	Images   map[string]string `json:"images"`   // digest by repository

	// Content and When are the receipt's, read from its file.
	Content []byte    `json:"-"`
	When    time.Time `json:"-"`
	path    string
}

// Owe notes that the receipt in a file is to be left beside images. It is noted
// before anything is sent, so that a promotion that was killed owes it too.
func Owe(receipt string, d Due) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return atomicfile.Write(receipt+dueSuffix, data, 0o600)
}

// Dues are the receipts that an experiment's instance owes, the oldest first.
func Dues(stateDir, experiment, instance string) ([]Due, error) {
	dir := filepath.Join(stateDir, folder)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []Due
	for _, entry := range entries { // by name, which has the time
		if !strings.HasPrefix(entry.Name(), experiment+"."+instance+".") || !strings.HasSuffix(entry.Name(), ".json"+dueSuffix) {
			continue
		}
		d := Due{path: filepath.Join(dir, entry.Name())}
		data, read := os.ReadFile(d.path)
		if read == nil {
			read = json.Unmarshal(data, &d)
		}
		if read == nil {
			d.Content, read = os.ReadFile(strings.TrimSuffix(d.path, dueSuffix))
		}
		var r Receipt
		if read == nil {
			read = json.Unmarshal(d.Content, &r)
		}
		if read != nil {
			return nil, fmt.Errorf("the receipt that %q notes is damaged: %w", d.path, read)
		}
		d.When = r.When
		out = append(out, d)
	}
	return out, err
}

// Settled forgets what was owed: it is beside the images, or those are gone.
func (d Due) Settled() error { return atomicfile.Remove(d.path) }
