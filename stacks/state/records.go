package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/internal/atomicfile"
)

const (
	recordsDir   = "records"
	recordSuffix = ".json"
)

// Load reads the record of a stack; false where there is none. A record that
// cannot be read is a [*DamagedError], never no record.
func (d *Dir) Load(ref stacks.Ref) (Record, bool, error) {
	name, err := stackName(ref)
	if err != nil {
		return Record{}, false, err
	}
	path := d.recordPath(name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, &DirError{Path: d.path, Err: err}
	}
	r, err := decode(data, name, true)
	if err != nil {
		return Record{}, false, damaged(path, name, err)
	}
	return r, true, nil
}

// Save writes the record of r.Ref. The one before it is kept beside it.
func (d *Dir) Save(r Record) error {
	name, err := stackName(r.Ref)
	if err != nil {
		return err
	}
	data, err := r.encode()
	if err != nil {
		return err
	}
	path := d.recordPath(name)
	if err := atomicfile.Replace(path, data, 0o600); err != nil {
		return &DirError{Path: d.path, Err: err}
	}
	return nil
}

// Delete removes the record of a stack with what was kept of it. One that is not
// recorded is no error.
func (d *Dir) Delete(ref stacks.Ref) error {
	name, err := stackName(ref)
	if err != nil {
		return err
	}
	path := d.recordPath(name)
	if err := atomicfile.Remove(path); err != nil {
		return &DirError{Path: d.path, Err: err}
	}
	if err := os.RemoveAll(filepath.Join(d.Derived(), ref.Experiment+"."+ref.Instance)); err != nil {
		return &DirError{Path: d.path, Err: err}
	}
	return nil
}

// List returns the records of all stacks, without their plans, sorted by the
// stack's name. Files that no stack could have are none of its business. Where
// records are damaged the error joins a [*DamagedError] for each, and the sound
// ones are returned beside it.
func (d *Dir) List() ([]Record, error) {
	dir := filepath.Join(d.path, recordsDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &DirError{Path: d.path, Err: err}
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), recordSuffix); ok && isStack(name) && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	found, errs := d.readAll(names)
	var records []Record
	for i := range names {
		if found[i] != nil {
			records = append(records, *found[i])
		}
	}
	return records, errors.Join(errs...)
}

// readAll reads records side by side; nil stands for one that is not there or
// not sound.
func (d *Dir) readAll(names []string) ([]*Record, []error) {
	found, errs := make([]*Record, len(names)), make([]error, len(names))
	var group errgroup.Group
	share := (len(names) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	for start := 0; start < len(names); start += share {
		group.Go(func() error {
			for i := start; i < min(start+share, len(names)); i++ {
				found[i], errs[i] = d.readOne(names[i])
			}
			return nil
		})
	}
	_ = group.Wait() // errors are in errs
	return found, errs
}

func (d *Dir) readOne(name string) (*Record, error) {
	path := d.recordPath(name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // deleted since the folder was read
	}
	if err != nil {
		return nil, &DirError{Path: d.path, Err: err}
	}
	r, err := decode(data, name, false)
	if err != nil {
		return nil, damaged(path, name, err)
	}
	return &r, nil
}

func (d *Dir) recordPath(name string) string {
	return filepath.Join(d.path, recordsDir, name+recordSuffix)
}

// isStack says whether name could be one that [Dir.Save] wrote.
func isStack(name string) bool {
	ref, err := stacks.ParseRef(name)
	if err != nil {
		return false
	}
	_, err = stackName(ref)
	return err == nil
}

// decode reads a record, and its plan too if asked to.
func decode(data []byte, name string, withPlan bool) (Record, error) {
	first, rest, complete := bytes.Cut(data, []byte("\n"))
	if !complete {
		return Record{}, errors.New("it is cut short")
	}
	var r Record
	if err := json.Unmarshal(first, &r); err != nil {
		return Record{}, err
	}
	if err := r.check(name); err != nil {
		return Record{}, err
	}
	if withPlan && len(rest) > 0 {
		if !json.Valid(rest) || rest[len(rest)-1] != '\n' {
			return Record{}, errors.New("its plan is cut short or no JSON")
		}
		r.Plan = rest[:len(rest)-1]
	}
	return r, nil
}

// damaged names the way to restore a record: its backup, if that is sound.
func damaged(path, name string, cause error) error {
	e := &DamagedError{Path: path, Err: cause}
	if data, err := os.ReadFile(path + atomicfile.Backup); err == nil {
		if _, err := decode(data, name, true); err == nil {
			e.Backup = path + atomicfile.Backup
		}
	}
	return e
}
