package definition

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// FileName is the file that a definition is looked for in.
const FileName = "envctl.yaml"

// ReadOptions are what a definition needs from outside its bytes.
type ReadOptions struct {
	// File is the name that problems carry; FileName when empty.
	File string
	// Dir becomes Definition.Dir. ReadFile sets it where it is empty.
	Dir string
	// Lookup is the caller's environment, as os.LookupEnv; nil: no variable is set.
	Lookup func(name string) (value string, set bool)
}

// reader turns the bytes of one file format into a definition.
type reader func([]byte, ReadOptions) (*Definition, error)

// readerOf is the reader of a file by its base name. Every format has one entry;
// what has none is read as an envctl.yaml.
func readerOf(base string) reader {
	if r, ok := map[string]reader{FileName: Read}[base]; ok {
		return r
	}
	return Read
}

// ReadFile reads the definition in a file. Relative paths in it start from the
// file's folder, which becomes Definition.Dir, made absolute. The error is
// [Problems] where the content is wrong, and wraps the system's error
// (fs.ErrNotExist and others) where the file cannot be read.
func ReadFile(path string, opts ReadOptions) (*Definition, error) {
	if opts.File == "" {
		opts.File = path
	}
	data, err := load(path)
	if err != nil {
		return nil, err
	}
	if opts.Dir == "" {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("find the folder of %q: %w", path, err)
		}
		opts.Dir = filepath.Dir(absolute)
	}
	return readerOf(filepath.Base(path))(data, opts)
}

// load reads a file up to one byte more than a definition may have, which is
// enough to refuse it.
func load(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no definition at %q: %w; envctl init writes one, -f names another file", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read the definition: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the definition: %w; -f names a file", err)
	}
	return data, nil
}

// Read reads a definition from the bytes of an envctl.yaml. The error is
// [Problems]: everything that is wrong, sorted by line. It never panics, and
// its time is bounded whatever the bytes are.
func Read(data []byte, opts ReadOptions) (*Definition, error) {
	if opts.File == "" {
		opts.File = FileName
	}
	d := &decoder{file: opts.File, lookup: opts.Lookup, at: map[string]place{}, broken: map[string]bool{}}
	root := parse(data, func(at position, message, hint string) { d.problem(at, "", message, hint) })
	if root == nil {
		return nil, d.problems.sort()
	}
	def := &Definition{Dir: opts.Dir}
	v := reflect.ValueOf(def).Elem()
	setDefaults(v)
	d.object(root, v, "")
	if root.kind == mapping && !d.broken[""] {
		(&checker{d, def}).document()
	}
	if len(d.problems) > 0 {
		return nil, d.problems.sort()
	}
	return def, nil
}
