package docs

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/envctl/envctl"

func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// linkInDoc is a link in a Go comment.
var linkInDoc = regexp.MustCompile(`\[([A-Za-z.]+)\]`)

// TestGeneratedPackages makes the table of packages from their doc comments.
func TestGeneratedPackages(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	row(&b, "package", "responsibility")
	row(&b, "---", "---")
	for line := range strings.Lines(goCommand(t, "list", "-f", "{{.ImportPath}}\t{{.Doc}}", "./...")) {
		path, doc, _ := strings.Cut(strings.TrimSpace(line), "\t")
		path = strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		if doc == "" {
			t.Errorf("%s has no package comment", path)
		}
		words := strings.SplitN(doc, " ", 3) // Package x does
		if len(words) == 3 {
			doc = words[2]
		}
		row(&b, "`"+path+"`", linkInDoc.ReplaceAllString(doc, "`$1`"))
	}
	generated(t, "docs/contributing/README.md", "packages", b.String())
}

// TestDependencies holds that every module that the code imports, and no other, has
// its line, with the licence that its source has.
func TestDependencies(t *testing.T) {
	t.Parallel()
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal([]byte(goCommand(t, "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	required, direct := []string{}, map[string]bool{}
	for _, r := range mod.Require {
		required = append(required, r.Path)
		if !r.Indirect {
			direct[r.Path] = true
		}
	}
	folders := moduleFolders(t)
	imported := map[string]bool{}
	list := goCommand(t, "list", "-tags", "stockcli", "-f",
		`{{range .Imports}}{{.}}{{"\n"}}{{end}}{{range .TestImports}}{{.}}{{"\n"}}{{end}}{{range .XTestImports}}{{.}}{{"\n"}}{{end}}`, "./...")
	for _, path := range strings.Fields(list) {
		if m := moduleOf(path, required); m != "" {
			imported[m] = true
		}
	}
	documented := map[string]bool{}
	for _, cells := range table(t, "docs/dependencies.md", "module") {
		m := strings.Trim(cells[0], "`")
		documented[m] = true
		if !direct[m] && !imported[m] {
			t.Errorf("docs/dependencies.md has %s, which nothing imports", m)
		}
		if l := licence(t, folders[m]); folders[m] != "" && cells[2] != l {
			t.Errorf("docs/dependencies.md: the licence of %s is %q, its source has %q", m, cells[2], l)
		}
	}
	maps.Copy(direct, imported)
	for m := range direct {
		if !documented[m] {
			t.Errorf("docs/dependencies.md has no line for %s", m)
		}
	}
}

func moduleOf(path string, required []string) string {
	best := ""
	for _, m := range required {
		if (path == m || strings.HasPrefix(path, m+"/")) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// moduleFolders are where the source of each module is that the code is built from.
func moduleFolders(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(goCommand(t, "list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}}\t{{.Dir}}{{end}}", "./...")) {
		if path, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			out[path] = dir
		}
	}
	return out
}

// licences are known by what they say, as texts differ in their white space.
var licences = []struct{ name, says string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License, version 2.0"},
	{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD-3-Clause", "Neither the name of"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
}

func licence(t *testing.T, dir string) string {
	t.Helper()
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		flat := strings.ReplaceAll(strings.Join(strings.Fields(string(text)), " "), "License, Version", "License Version")
		i := slices.IndexFunc(licences, func(l struct{ name, says string }) bool { return strings.Contains(flat, l.says) })
		if i >= 0 {
			return licences[i].name
		}
	}
	return "unknown"
}
