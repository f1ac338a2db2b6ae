package oneshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// pinsFile notes what the usual image of a language was when it was first used.
const pinsFile = "images.json"

// pinned returns what name was pinned to; empty: it was not yet.
func (d Deps) pinned(name string) (string, error) {
	pins, err := d.readPins()
	return pins[name], err
}

// pin notes what name means from now on. Of two that pin at once, the last one
// wins; each has pinned what it runs.
func (d Deps) pin(name, ref string) error {
	pins, err := d.readPins()
	if err != nil {
		return err
	}
	pins[name] = ref
	data, err := json.MarshalIndent(pins, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(d.Dir, pinsFile), append(data, '\n'))
}

func (d Deps) readPins() (map[string]string, error) {
	pins := map[string]string{}
	file := filepath.Join(d.Dir, pinsFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return pins, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &pins)
	}
	if err != nil {
		return nil, &Error{What: fmt.Sprintf("cannot read %q", file), Why: err.Error(), At: file, Kind: "state", Exit: 1,
			Mend: "remove it: images are pinned anew when they are next used", Err: err}
	}
	return pins, nil
}

// replace makes file hold data in one step: it is never seen half written.
func replace(file string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // for its owner only
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
