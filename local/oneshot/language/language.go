// Package language knows for the extension of a script which image usually runs
// it, how, and which package manager it has. Users add to the table, or change it,
// in a file.
package language

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// The package managers.
const (
	Pip = "pip"
	NPM = "npm"
)

// Language is how scripts with one extension are run.
type Language struct {
	Image    string   `yaml:"image"`              // tag
	Command  []string `yaml:"command"`            // the script's path and its arguments follow
	Packages string   `yaml:"packages,omitempty"` // pip, npm or none
	// Live is a variable, as NAME=VALUE, by which it writes its output at once.
	Live string `yaml:"-"`
}

// Table is a language for each extension, with its dot.
type Table map[string]Language

// Default returns the table as envctl has it.
func Default() Table {
	python := Language{Image: "python:3.13-slim", Command: []string{"python3"}, Packages: Pip, Live: "PYTHONUNBUFFERED=1"}
	node := Language{Image: "node:22-slim", Command: []string{"node"}, Packages: NPM}
	return Table{
		".py": python,
		".js": node, ".mjs": node, ".cjs": node,
		// Node takes types out by itself from version 24 on.
		".ts":  {Image: "node:24-slim", Command: []string{"node"}, Packages: NPM},
		".sh":  {Image: "debian:13-slim", Command: []string{"bash"}},
		".rb":  {Image: "ruby:3.4-slim", Command: []string{"ruby"}},
		".pl":  {Image: "perl:5-slim", Command: []string{"perl"}},
		".php": {Image: "php:8-cli", Command: []string{"php"}},
		".r":   {Image: "r-base:4.5.1", Command: []string{"Rscript"}},
		".jl":  {Image: "julia:1", Command: []string{"julia"}},
	}
}

// maxFile bounds the file in bytes.
const maxFile = 1 << 20

// Error is a file of languages that cannot be used.
type Error struct {
	File    string
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.File, e.Problem) }

// Hint says how to mend it.
func (e *Error) Hint() string {
	return "write it as in:\n.py:\n  image: python:3.13-slim\n  command: [python3]\n  packages: pip"
}

// Path is the file.
func (e *Error) Path() string { return e.File }

// ExitStatus is that of a wrong definition.
func (*Error) ExitStatus() int { return 2 }

// Load returns the default table with what a file says on top. What an entry
// leaves out stays as it is. A file that is missing, or the name "", says nothing.
func Load(file string) (Table, error) {
	table := Default()
	if file == "" {
		return table, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return table, nil
	}
	if err != nil {
		return nil, &Error{file, err.Error()}
	}
	added, err := parse(data)
	if err != nil {
		return nil, &Error{file, err.Error()}
	}
	for extension, l := range added {
		table[extension] = l.over(table[extension])
	}
	for _, extension := range slices.Sorted(maps.Keys(table)) {
		if l := table[extension]; l.Image == "" || len(l.Command) == 0 {
			return nil, &Error{file, fmt.Sprintf("%s has no image or no command, and needs both", extension)}
		}
	}
	return table, nil
}

func parse(data []byte) (Table, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%d bytes, at most %d are read", len(data), maxFile)
	}
	var added Table
	if len(bytes.TrimSpace(data)) == 0 {
		return added, nil
	}
	if err := yaml.UnmarshalWithOptions(data, &added, yaml.Strict()); err != nil {
		return nil, err
	}
	for extension, l := range added {
		if !strings.HasPrefix(extension, ".") || len(extension) < 2 || strings.ContainsAny(extension[1:], "./") {
			return nil, fmt.Errorf("%q is no extension, as .py is", extension)
		}
		if extension != strings.ToLower(extension) {
			return nil, fmt.Errorf("%q is not in small letters; files with capitals are found by it too", extension)
		}
		if !slices.Contains([]string{"", Pip, NPM}, l.Packages) {
			return nil, fmt.Errorf("%s has packages %q, expected pip or npm", extension, l.Packages)
		}
	}
	return added, nil
}

// over fills in what l leaves out.
func (l Language) over(base Language) Language {
	if l.Image == "" {
		l.Image = base.Image
	}
	if len(l.Command) == 0 {
		l.Command = base.Command
	}
	if l.Packages == "" {
		l.Packages = base.Packages
	}
	l.Live = base.Live
	return l
}

// Of returns the language of a script by its name; false: none is known.
func (t Table) Of(script string) (Language, bool) {
	l, ok := t[strings.ToLower(path.Ext(script))]
	return l, ok
}

// Extensions are those that are known, sorted.
func (t Table) Extensions() []string { return slices.Sorted(maps.Keys(t)) }
