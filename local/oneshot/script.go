package oneshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/envctl/envctl/local/oneshot/language"
	"github.com/envctl/envctl/local/oneshot/packages"
)

// script is what is to be run, where it is a script.
type script struct {
	text     []byte
	language language.Language // the zero value: none is known
}

// readScript reads the script of a spec and finds its language.
func (d Deps) readScript(spec Spec) (script, error) {
	var s script
	if spec.File == "" {
		return s, nil
	}
	var err error
	if s.text, err = scriptText(spec); err != nil {
		return s, err
	}
	table, err := language.Load(d.Languages)
	if err != nil {
		return s, err
	}
	l, known := table.Of(spec.File)
	s.language = l
	if known || spec.Image != "" && (len(spec.Command) > 0 || bytes.HasPrefix(s.text, []byte("#!"))) {
		return s, nil
	}
	return s, wrong("--file", "give --image and, in the script's first line, the interpreter, as in #!/usr/bin/env python3",
		"nobody knows how script %q is run: its name ends with none of %s", spec.File, strings.Join(table.Extensions(), " "))
}

func scriptText(spec Spec) ([]byte, error) {
	if spec.Source != nil {
		return spec.Source, nil
	}
	text, err := readSmall(spec.File, maxScript)
	if err != nil {
		return nil, unreadable("--file", spec.File, err)
	}
	return text, nil
}

// readSmall reads a regular file of at most limit bytes.
func readSmall(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is larger than %d MiB", limit>>20)
	}
	return data, err
}

// command returns what stands in the place of the image's entrypoint, and the
// arguments. Both are nil where the image's own hold.
func (s script) command(spec Spec) (command, args []string) {
	if spec.File == "" {
		return spec.Command, spec.Args
	}
	command = spec.Command
	if len(command) == 0 {
		command = s.language.Command // none: the script itself names its interpreter
	}
	command = append(command[:len(command):len(command)], path.Join(InDir, filepath.Base(spec.File)))
	return command, spec.Args
}

// wanted returns the packages of a script: those of its own metadata, else of a
// list beside it, and what the spec adds.
func (s script) wanted(spec Spec) (packages.Wanted, error) {
	w := packages.Wanted{Manager: s.language.Packages}
	switch w.Manager {
	case language.Pip:
		return s.wantedPip(spec, w)
	case language.NPM:
		return s.wantedNPM(spec, w)
	}
	if len(spec.With) > 0 || spec.Requirements != "" {
		return w, wrong("--with", "use an image that has them", "packages were asked for, and envctl knows no package manager for %q", spec.File)
	}
	return w, nil
}

func (s script) wantedPip(spec Spec, w packages.Wanted) (packages.Wanted, error) {
	meta, found, err := packages.Inline(filepath.Base(spec.File), s.text)
	if err != nil {
		return w, err
	}
	w.Requirements, w.Python = meta.Dependencies, meta.RequiresPython
	list := spec.Requirements
	if list == "" && !found && spec.Source == nil {
		list = beside(spec.File, "requirements.txt")
	}
	if list != "" {
		data, err := readSmall(list, maxScript)
		if err != nil {
			return w, unreadable("--requirements", list, err)
		}
		more, err := packages.RequirementsFile(list, data)
		if err != nil {
			return w, err
		}
		w.Requirements = append(w.Requirements, more...)
	}
	for _, p := range spec.With {
		req, err := packages.Requirement(p)
		if err != nil {
			return w, wrong("--with", "name packages, as in --with pandas==2.2", "--with %v", err)
		}
		w.Requirements = append(w.Requirements, req)
	}
	return w, nil
}

func (s script) wantedNPM(spec Spec, w packages.Wanted) (packages.Wanted, error) {
	manifest := spec.Requirements
	if manifest == "" && spec.Source == nil {
		manifest = beside(spec.File, "package.json")
	}
	if manifest != "" {
		var err error
		if w.Manifest, err = readSmall(manifest, maxScript); err != nil {
			return w, unreadable("--requirements", manifest, err)
		}
		if lock := beside(manifest, "package-lock.json"); lock != "" && len(spec.With) == 0 {
			if w.NPMLock, err = readSmall(lock, maxScript); err != nil {
				return w, unreadable("--requirements", lock, err)
			}
		}
	}
	for _, p := range spec.With {
		name, err := packages.NPMPackage(p)
		if err != nil {
			return w, wrong("--with", "name packages, as in --with lodash@4.17.21", "--with %v", err)
		}
		w.Requirements = append(w.Requirements, name)
	}
	return w, nil
}

// beside returns a file of the same folder; empty: there is none.
func beside(file, name string) string {
	other := filepath.Join(filepath.Dir(file), name)
	if info, err := os.Stat(other); err != nil || info.Mode()&fs.ModeType != 0 {
		return ""
	}
	return other
}
