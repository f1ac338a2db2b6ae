package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// createFile writes a file that must not be there yet.
func createFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return alreadyThere(name, err)
	}
	if err != nil {
		return cannotWrite(name, err)
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(name) // half a file is worse than none
		return cannotWrite(name, err)
	}
	return nil
}

// replaceFile writes a file whether it is there or not, in one step: it is never
// seen half written.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return cannotWrite(name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return cannotWrite(name, err)
	}
	return nil
}

// checkOut refuses a folder that results cannot be put into, before the program runs
// whose results would be lost. Nothing is left behind.
func checkOut(folder string) error {
	at := folder
	info, err := os.Stat(at)
	for errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%q is no folder", at)
	}
	if err == nil {
		var probe string
		if probe, err = os.MkdirTemp(at, ".envctl-*"); err == nil {
			err = os.Remove(probe)
		}
	}
	if err == nil {
		return nil
	}
	return &problem{code: "out", status: statusUsage, path: "--out", err: err,
		message: fmt.Sprintf("cannot use %q for the results: %s", folder, cause(err)),
		hint:    "give a folder that you may write to; nothing was run"}
}

func alreadyThere(name string, err error) error {
	return &problem{code: "exists", status: statusUsage, path: name, err: err,
		message: fmt.Sprintf("%q is there already", name), hint: "--force writes over it"}
}

func cannotWrite(name string, err error) error {
	return &problem{code: "unwritable", status: statusFailed, path: name, err: err,
		message: fmt.Sprintf("cannot write %q: %s", name, cause(err)),
		hint:    "look at the folder's permissions and the space that is left"}
}
