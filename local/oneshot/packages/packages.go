// Package packages finds out which packages a script wants, and writes down what
// they were resolved to, so that the same files are installed ever after.
//
// A script says it itself (PEP 723), or a requirements.txt or package.json beside
// it does. What is resolved is a [Lock]: each file by its hash.
package packages

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Wanted is what a script asks for.
type Wanted struct {
	Manager string `json:"manager"` // pip or npm
	// Requirements are one package each, as the manager writes them.
	Requirements []string `json:"requirements,omitempty"`
	// Python is the range of versions that the script runs with (requires-python).
	Python string `json:"python,omitempty"`
	// Manifest is a package.json, and NPMLock the package-lock.json beside it.
	Manifest []byte `json:"manifest,omitempty"`
	NPMLock  []byte `json:"npmLock,omitempty"`
}

// None says that nothing has to be installed.
func (w Wanted) None() bool { return len(w.Requirements) == 0 && len(w.Manifest) == 0 }

// Hash is the same for the same wishes, whatever their order.
func (w Wanted) Hash() string {
	w.Requirements = slices.Sorted(slices.Values(w.Requirements))
	data, _ := json.Marshal(w) // plain data: it cannot fail
	return hash(data)
}

// Lock is what was wanted, resolved: installed from it, the files are the same
// always, or the installation fails.
type Lock struct {
	Manager  string    `json:"manager"`
	Packages []Package `json:"packages,omitempty"` // of pip, by name
	// NPM is the package-lock.json, and Manifest the package.json that it is for.
	NPM      []byte `json:"npm,omitempty"`
	Manifest []byte `json:"manifest,omitempty"`
}

// Package is one file of an index.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	URL     string `json:"url,omitempty"` // that it had when it was resolved
	SHA256  string `json:"sha256"`
}

// Hash names the lock.
func (l Lock) Hash() string {
	for i := range l.Packages {
		l.Packages = slices.Clone(l.Packages)
		l.Packages[i].URL = "" // a mirror has other addresses and the same files
	}
	data, _ := json.Marshal(l) // plain data: it cannot fail
	return hash(data)
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Pinned is the lock as pip reads it with --require-hashes.
func (l Lock) Pinned() string {
	var b strings.Builder
	for _, p := range l.Packages {
		fmt.Fprintf(&b, "%s==%s --hash=sha256:%s\n", p.Name, p.Version, p.SHA256)
	}
	return b.String()
}

// Error is a wish that cannot be read.
type Error struct {
	Where   string
	Problem string
	Mend    string
}

func (e *Error) Error() string { return e.Where + ": " + e.Problem }

// Hint says how to mend it.
func (e *Error) Hint() string { return e.Mend }

// Path is the file that has it.
func (e *Error) Path() string { return e.Where }

// ExitStatus is that of a wrong definition.
func (*Error) ExitStatus() int { return 2 }
