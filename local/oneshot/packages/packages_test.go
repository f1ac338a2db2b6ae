package packages

import (
	"reflect"
	"strings"
	"testing"
)

func TestInline(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, script string
		want         []string
		python       string
		found        bool
		fails        string
	}{
		{"none", "print(1)\n", nil, "", false, ""},
		{"the specification's own", "# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"requests<3\",\n#   \"rich\",\n# ]\n# ///\n\nimport requests\n",
			[]string{"requests<3", "rich"}, ">=3.11", true, ""},
		{"Windows", "# /// script\r\n# dependencies = [\"a\"]\r\n# ///\r\n", []string{"a"}, "", true, ""},
		{"after a line of an interpreter", "#!/usr/bin/env python3\n# /// script\n# dependencies = []\n#\n# ///\n", []string{}, "", true, ""},
		{"another block", "# /// other\n# x = 1\n# ///\n", nil, "", false, ""},
		{"not ended", "# /// script\n# dependencies = [\"a\"]\nprint(1)\n", nil, "", false, ""},
		{"a line without its sign", "# /// script\n# dependencies = [\n\"a\"]\n# ///\n", nil, "", false, ""},
		{"two blocks", "# /// script\n# a = 1\n# ///\n\n# /// script\n# a = 1\n# ///\n", nil, "", false, "there are 2 blocks"},
		{"no TOML", "# /// script\n# dependencies = [\n# ///\n", nil, "", false, "no TOML"},
		{"an address", "# /// script\n# dependencies = [\"x @ https://example.com/x.whl\"]\n# ///\n", nil, "", false, "no package with versions"},
		{"an option", "# /// script\n# dependencies = [\"--index-url=https://example.com\"]\n# ///\n", nil, "", false, "no package with versions"},
		{"a new line", "# /// script\n# dependencies = [\"x\\n--pre\"]\n# ///\n", nil, "", false, "no package with versions"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m, found, err := Inline("x.py", []byte(row.script))
			if row.fails != "" {
				if err == nil || !strings.Contains(err.Error(), row.fails) {
					t.Fatalf("error %v, want one with %q", err, row.fails)
				}
				return
			}
			if err != nil || found != row.found || m.RequiresPython != row.python || len(m.Dependencies)+len(row.want) > 0 && !reflect.DeepEqual(m.Dependencies, row.want) {
				t.Errorf("%+v, %v, %v", m, found, err)
			}
		})
	}
}

func TestRequirement(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"pandas": true, "pandas==2.2": true, "uvicorn[standard]>=0.30,<1": true, "a; python_version < '3.12'": true, "x (>=1)": true,
		"zope.interface~=6.0": true, "a===1.0": true, "a != 1.*": true,
		"": false, "-r other.txt": false, "--pre": false, "./local": false, "/abs.whl": false, "x@file:///etc": false, "git+https://e.com/x": false,
		"https://e.com/x.whl": false, "a\nb": false, "a # c": false, "a==1 --hash=sha256:x": false, "a\t--pre": false, "a==1 --pre": false,
		// pip ends a line at each of these, and the next one may be an option.
		"a==1\u2028--no-binary=:all:": false, "a==1\v--pre": false, "a==1\f--pre": false, "a==1\x1c--pre": false, "a==1\u0085--pre": false,
		"a; python_version > '3'\u2029--pre": false, "a; python_version > '3' --index-url http://e": false,
		"a==1 \\": false, "a==${PIP_INDEX_URL}": false, "ä==1": false, "a==1\x00": false,
	} {
		if _, err := Requirement(text); (err == nil) != good {
			t.Errorf("%q: %v, want good %v", text, err, good)
		}
	}
}

func TestRequirementsFile(t *testing.T) {
	t.Parallel()
	got, err := RequirementsFile("requirements.txt", []byte("# all\npandas==2.2 \\\n  --hash=sha256:aa\n\nrich  # colours\r\n"))
	if want := []string{"pandas==2.2", "rich"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	for _, bad := range []string{"-r x.txt", "--index-url https://e.com", "-e .", "x @ https://e.com"} {
		if _, err := RequirementsFile("requirements.txt", []byte("a\n"+bad+"\n")); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestNPMPackage(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"lodash": true, "lodash@4.17.21": true, "@scope/x@^1.0": true, "x@>=1 <2": true,
		"": false, "-g": false, "x'; rm": false, "./x": false, "user/repo": false, "git+ssh://x": false, "x@npm:y": false, "x@https://e.com": false, "x@file:..": false,
	} {
		if _, err := NPMPackage(text); (err == nil) != good {
			t.Errorf("%q: %v, want good %v", text, err, good)
		}
	}
}

func TestReadReport(t *testing.T) {
	t.Parallel()
	item := func(name, version, hash string) string {
		return `{"version":"1","install":[{"download_info":{"url":"u","archive_info":{"hash":"` + hash + `"}},"metadata":{"name":"` + name + `","version":"` + version + `"}}],"environment":{"python_full_version":"3.11.2"}}`
	}
	sum := strings.Repeat("a", 64)
	lock, python, err := ReadReport([]byte(item("Pandas", "2.2", "sha256="+sum)))
	if err != nil || python != "3.11.2" || lock.Pinned() != "Pandas==2.2 --hash=sha256:"+sum+"\n" {
		t.Errorf("%+v, %q, %v", lock, python, err)
	}
	for _, bad := range []string{
		"", "{}", `{"version":"2"}`, item("a b", "1", "sha256="+sum), item("a", "1 --pre", "sha256="+sum), item("a", "1", "md5=aa"), item("a", "1", ""),
		item("a", `1\n--index-url=x`, "sha256="+sum), item("-r", "1", "sha256="+sum),
	} {
		if _, _, err := ReadReport([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestReadNPM(t *testing.T) {
	t.Parallel()
	lock := func(entry string) []byte {
		return []byte(`{"lockfileVersion":3,"packages":{"":{},` + entry + `}}`)
	}
	sum := "sha512-" + strings.Repeat("A", 86) + "=="
	entry := func(name, rest string) string { return `"` + name + `":{"resolved":"https://r/a.tgz"` + rest + `}` }
	for _, good := range []string{
		entry("node_modules/a", `,"integrity":"`+sum+`"`), entry("node_modules/@s/a/node_modules/b", `,"integrity":"`+sum+` sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="`),
		`"node_modules/a":{"resolved":"https://r/a.tgz","integrity":"` + sum + `","bundleDependencies":["b"]},"node_modules/a/node_modules/b":{"version":"1.0.0","inBundle":true}`,
	} {
		if _, err := ReadNPM(nil, lock(good)); err != nil {
			t.Error(err)
		}
	}
	if _, err := ReadNPM(nil, []byte(`{"lockfileVersion":3,"packages":{"":{},`+entry("node_modules/a", "")+`},"Packages":{}}`)); err == nil {
		t.Error("packages were hidden behind a key of another case")
	}
	for _, bad := range []string{
		`"node_modules/a":{"resolved":"git+ssh://x","integrity":"sha512-x"}`, `"node_modules/a":{"resolved":"https://r/a.tgz"}`,
		`"node_modules/a":{"link":true,"resolved":"../x"}`, `"../a":{"resolved":"https://r/a.tgz","integrity":"` + sum + `"}`,
		// What npm takes for no hash at all.
		entry("node_modules/a", `,"integrity":"sha512-x"`), entry("node_modules/a", `,"integrity":"shabby"`), entry("node_modules/a", `,"integrity":"sha999-`+sum[7:]+`"`),
		entry("node_modules/a", `,"Integrity":"`+sum+`"`), entry("node_modules/a", `,"integrity":"`+sum+`","integrity":""`),
		entry("node_modules/../../a", `,"integrity":"`+sum+`"`), entry("node_modules/a/../b", `,"integrity":"`+sum+`"`),
		// What nothing bundles comes from the registry, without a hash.
		entry("node_modules/a", `,"inBundle":true`), `"node_modules/a":{"version":"1.0.0","inBundle":true}`,
		`"node_modules/a":{"resolved":"git+ssh://x","integrity":"` + sum + `"}`, `"node_modules/a":{"RESOLVED":"https://r/a","resolved":"file:../a","integrity":"` + sum + `"}`,
	} {
		if _, err := ReadNPM(nil, lock(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestSatisfies(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		version, specifier string
		want               bool
	}{
		{"3.11.2", ">=3.11", true}, {"3.11.2", ">=3.12", false}, {"3.13", ">=3.11,<3.14", true}, {"3.14.0", "<3.14", false}, {"3.11.2", "==3.11.*", true},
		{"3.12.0", "==3.11.*", false}, {"3.11.2", "~=3.11", true}, {"3.12", "~=3.11", true}, {"4.0", "~=3.11", false}, {"3.11.2", "~=3.11.3", false},
		{"3.11.0", "==3.11", true}, {"3.11.2", "!=3.11.2", false}, {"3.11.2", "!=3.12.*", true}, {"3.13.0rc1", ">=3.13", true}, {"3.11", "", true}, {"3.11", ">3.11", false},
	} {
		if got, err := Satisfies(row.version, row.specifier); err != nil || got != row.want {
			t.Errorf("%s %s: %v, %v", row.version, row.specifier, got, err)
		}
	}
	for _, bad := range []string{"3.11", "=>3.11", ">=x", "~=3", ">="} {
		if _, err := Satisfies("3.11", bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	a := Wanted{Manager: "pip", Requirements: []string{"a", "b"}}
	b := Wanted{Manager: "pip", Requirements: []string{"b", "a"}}
	if a.Hash() != b.Hash() || a.Hash() == (Wanted{Manager: "pip"}).Hash() || a.Requirements[0] != "a" {
		t.Error("hashes of wishes")
	}
	one := Lock{Manager: "pip", Packages: []Package{{Name: "a", Version: "1", URL: "x", SHA256: "s"}}}
	other := Lock{Manager: "pip", Packages: []Package{{Name: "a", Version: "1", URL: "y", SHA256: "s"}}}
	if one.Hash() != other.Hash() || one.Packages[0].URL != "x" {
		t.Error("hashes of locks")
	}
}

func FuzzInline(f *testing.F) {
	f.Add([]byte("# /// script\n# dependencies = [\"a\"]\n# ///\n"))
	f.Fuzz(func(t *testing.T, script []byte) {
		m, _, err := Inline("x.py", script)
		for _, d := range m.Dependencies {
			if err == nil && (strings.HasPrefix(d, "-") || strings.Contains(d, " -") || strings.ContainsAny(d, "\n\v\f\x1c\x1d\x1e\u0085\u2028\u2029\\")) {
				t.Errorf("%q was taken", d)
			}
		}
	})
}

func FuzzRequirementsFile(f *testing.F) {
	f.Add([]byte("a==1 \\\n --hash=x # y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := RequirementsFile("requirements.txt", data)
		for _, r := range list {
			if err == nil && (strings.HasPrefix(r, "-") || strings.Contains(r, " -") || strings.ContainsAny(r, "\n\v\f\x1c\x1d\x1e\u0085\u2028\u2029\\")) {
				t.Errorf("%q was taken", r)
			}
		}
	})
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(`{"version":"1","install":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		lock, _, err := ReadReport(data)
		if err == nil && strings.Count(lock.Pinned(), "\n") != len(lock.Packages) {
			t.Errorf("%q", lock.Pinned())
		}
	})
}
