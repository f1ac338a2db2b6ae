package packages

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/lazyregexp"
)

// pipReport is the part that is read of what `pip install --dry-run --report`
// writes, version 1 of the format.
type pipReport struct {
	Version string `json:"version"`
	Install []struct {
		Download struct {
			URL     string `json:"url"`
			Archive *struct {
				Hash   string            `json:"hash"`
				Hashes map[string]string `json:"hashes"`
			} `json:"archive_info"`
		} `json:"download_info"`
		Metadata struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"metadata"`
	} `json:"install"`
	Environment struct {
		Python string `json:"python_full_version"`
	} `json:"environment"`
}

var (
	packageName    = lazyregexp.New(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	packageVersion = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9.!+_-]*$`)
	sha256Hex      = lazyregexp.New(`^[0-9a-f]{64}$`)
)

// ReadReport makes a lock of pip's report, and says which Python it was for. The
// report was written in a sandbox that untrusted files were read in, so nothing in
// it is believed that has not the form it must have.
func ReadReport(data []byte) (Lock, string, error) {
	var r pipReport
	if err := json.Unmarshal(data, &r); err != nil {
		return Lock{}, "", fmt.Errorf("pip's report cannot be read: %w", err)
	}
	if r.Version != "1" {
		return Lock{}, "", fmt.Errorf("pip's report has format %q, expected 1", r.Version)
	}
	lock := Lock{Manager: "pip"}
	for _, i := range r.Install {
		p := Package{Name: i.Metadata.Name, Version: i.Metadata.Version, URL: i.Download.URL}
		if a := i.Download.Archive; a != nil {
			p.SHA256 = a.Hashes["sha256"]
			if p.SHA256 == "" {
				p.SHA256 = strings.TrimPrefix(a.Hash, "sha256=")
			}
		}
		if err := p.check(); err != nil {
			return Lock{}, "", fmt.Errorf("pip's report: %w", err)
		}
		lock.Packages = append(lock.Packages, p)
	}
	slices.SortFunc(lock.Packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return lock, r.Environment.Python, nil
}

func (p Package) check() error {
	switch {
	case !packageName().MatchString(p.Name):
		return fmt.Errorf("%q is no name of a package", p.Name)
	case !packageVersion().MatchString(p.Version):
		return fmt.Errorf("package %q has version %q", p.Name, p.Version)
	case !sha256Hex().MatchString(p.SHA256):
		return fmt.Errorf("package %q has no SHA-256 but %q", p.Name, p.SHA256)
	}
	return nil
}

// integrity is a hash as npm checks it: anything else it takes for none at all.
var integrity = lazyregexp.New(`^(?:sha1-[A-Za-z0-9+/]{27}=|sha256-[A-Za-z0-9+/]{43}=|sha384-[A-Za-z0-9+/]{64}|sha512-[A-Za-z0-9+/]{86}==)$`)

// ReadNPM checks a package-lock.json: each package has an integrity hash, and none
// comes from elsewhere than a registry. One that is bundled comes with another, by
// the hash of that. Keys are read as npm does, to the letter.
func ReadNPM(manifest, data []byte) (Lock, error) {
	var l map[string]json.RawMessage
	if err := json.Unmarshal(data, &l); err != nil {
		return Lock{}, fmt.Errorf("package-lock.json cannot be read: %w", err)
	}
	var version int
	if l["lockfileVersion"] != nil && json.Unmarshal(l["lockfileVersion"], &version) != nil || version < 2 {
		return Lock{}, errors.New("package-lock.json is older than npm 7: write it anew with npm install --package-lock-only")
	}
	entries := map[string]npmEntry{}
	if l["packages"] != nil {
		if err := json.Unmarshal(l["packages"], &entries); err != nil {
			return Lock{}, fmt.Errorf("package-lock.json: packages cannot be read: %w", err)
		}
	}
	for name, p := range entries {
		if name != "" && !p.fromRegistry(name, entries) {
			return Lock{}, fmt.Errorf("package-lock.json: %q comes from %q without a hash, expected a package of the registry", name, p.text("resolved"))
		}
	}
	return Lock{Manager: "npm", NPM: data, Manifest: manifest}, nil
}

// npmEntry is what a package-lock.json says of one package.
type npmEntry map[string]json.RawMessage

// text is a value that is one; else it is empty.
func (e npmEntry) text(key string) string {
	var out string
	if json.Unmarshal(e[key], &out) != nil {
		return ""
	}
	return out
}

func (e npmEntry) fromRegistry(name string, all map[string]npmEntry) bool {
	if path.Clean(name) != name || !strings.HasPrefix(name, "node_modules/") || e["link"] != nil {
		return false
	}
	if e["inBundle"] != nil && e["resolved"] == nil && bundled(name, all) {
		return true
	}
	hashes := strings.Fields(e.text("integrity"))
	for _, h := range hashes {
		if !integrity().MatchString(h) {
			return false
		}
	}
	from := e.text("resolved")
	return len(hashes) > 0 && (strings.HasPrefix(from, "https://") || strings.HasPrefix(from, "http://"))
}

// bundled says that a package above one brings packages of its own.
func bundled(name string, all map[string]npmEntry) bool {
	for {
		at := strings.LastIndex(name, "/node_modules/")
		if at < 0 {
			return false
		}
		if name = name[:at]; all[name]["bundleDependencies"] != nil {
			return true
		}
	}
}
