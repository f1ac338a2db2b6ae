package language

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	t.Parallel()
	table := Default()
	for script, image := range map[string]string{
		"analyze.py": "python:3.13-slim", "A.PY": "python:3.13-slim", "x.tar.mjs": "node:22-slim", "plot.R": "r-base:4.5.1",
		"noextension": "", "Makefile": "", "x.exe": "",
	} {
		l, ok := table.Of(script)
		if l.Image != image || ok != (image != "") {
			t.Errorf("%s: %+v, %v, want image %q", script, l, ok, image)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, file, fails string }{
		{"missing", "-", ""},
		{"empty", " \n", ""},
		{"another image", ".py: {image: 'mirror.example/python:3.12'}", ""},
		{"a new language", ".lua: {image: 'lua:5', command: [lua]}", ""},
		{"a new language without a command", ".lua: {image: 'lua:5'}", "no command"},
		{"no extension", "py: {image: x}", "no extension"},
		{"a path", "./x: {image: x}", "no extension"},
		{"capitals", ".PY: {image: x}", "small letters"},
		{"an unknown manager", ".py: {packages: conda}", "expected pip or npm"},
		{"an unknown key", ".py: {picture: x}", "picture"},
		{"no YAML", "{", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "languages.yaml")
			if row.file != "-" {
				if err := os.WriteFile(file, []byte(row.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			table, err := Load(file)
			if row.name == "no YAML" {
				if err == nil {
					t.Fatal("was read")
				}
				return
			}
			if row.fails != "" {
				if err == nil || !strings.Contains(err.Error(), row.fails) {
					t.Fatalf("error %v, want one with %q", err, row.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			py := table[".py"]
			if row.name == "another image" && (py.Image != "mirror.example/python:3.12" || !reflect.DeepEqual(py.Command, Default()[".py"].Command)) {
				t.Errorf(".py is %+v", py)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(".py: {image: x}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := parse(data)
		for extension := range table {
			if err == nil && !strings.HasPrefix(extension, ".") {
				t.Errorf("%q was taken", extension)
			}
		}
	})
}
