package oneshot

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/oneshot/language"
	"github.com/envctl/envctl/local/oneshot/packages"
)

// Where packages come from. Python's public index is known; which registry of npm is
// meant the user's own settings say.
const (
	publicPyPI  = "https://pypi.org/simple"
	pypiFiles   = "files.pythonhosted.org"
	variablePip = "ENVCTL_PYPI_INDEX"
	variableNPM = "ENVCTL_NPM_REGISTRY"
)

// Where packages are in an image. Node looks for modules in the folders above a
// script, and the script is in InDir.
const (
	pipDir = "opt/envctl/packages"
	npmDir = "node_modules"
)

// What a build step may take.
const (
	buildTimeout = 10 * time.Minute
	buildMemory  = 2 << 30
	buildScratch = 512 << 20
	buildFiles   = 200_000
	buildBytes   = 8 << 30
	// said is how much of a failed build step's output is told.
	said = 2000
)

// builder resolves and installs the packages of one script.
type builder struct {
	Deps
	base   Image
	uid    int
	id     string // of the run
	spec   Spec
	dir    string // for what build steps bring back
	wanted packages.Wanted
}

// layered returns the image with the packages, and their lock. What was resolved
// before is not resolved again, and what was installed before is found again.
func (b *builder) layered(ctx context.Context, lock *packages.Lock) (Image, *packages.Lock, error) {
	lockFile := filepath.Join(b.Dir, "locks", b.lockName())
	if lock == nil {
		lock = readLock(lockFile)
	}
	if lock == nil {
		made, err := b.lock(ctx)
		if err != nil {
			return Image{}, nil, err
		}
		data, err := json.MarshalIndent(made, "", "  ")
		if err == nil {
			err = os.MkdirAll(filepath.Dir(lockFile), 0o700)
		}
		if err == nil {
			err = replace(lockFile, data)
		}
		if err != nil {
			return Image{}, nil, err
		}
		lock = &made
	}
	key := keyOf(b.base.Ref, *lock)
	image, ok, err := b.Runner.Layer(ctx, key)
	if err != nil || ok {
		return image, lock, err
	}
	image, err = b.install(ctx, *lock, key)
	return image, lock, err
}

// lockName is the file of a lock. What one index has for a name, another may have
// otherwise, and is not believed for it.
func (b *builder) lockName() string {
	name := strings.TrimPrefix(b.wanted.Hash(), "sha256:") + "-" + shortRef(b.base.Ref)
	if url := b.index().URL; url != publicPyPI {
		sum := sha256.Sum256([]byte(url))
		name += "-" + hex.EncodeToString(sum[:8])
	}
	return name + ".json"
}

// keyOf names the image of a base and a lock.
func keyOf(base string, lock packages.Lock) string {
	return Spec{Image: base, File: lock.Hash()}.hash()
}

func shortRef(ref string) string {
	_, digest, found := strings.Cut(ref, "sha256:")
	if !found || len(digest) < 16 {
		return "base"
	}
	return digest[:16]
}

// readLock returns nil for one that is not there or cannot be read: it is made
// anew then.
func readLock(file string) *packages.Lock {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var l packages.Lock
	if json.Unmarshal(data, &l) != nil || l.Manager == "" {
		return nil
	}
	return &l
}

// lock resolves what is wanted.
func (b *builder) lock(ctx context.Context) (packages.Lock, error) {
	b.notice("resolving packages…")
	if b.wanted.Manager == language.NPM {
		return b.lockNPM(ctx)
	}
	out, err := b.step(ctx, "lock", map[string][]byte{
		"requirements.txt": []byte(strings.Join(b.wanted.Requirements, "\n") + "\n"),
	}, pip("--dry-run", "--ignore-installed", "--report", OutDir+"/report.json", "-r", InDir+"/requirements.txt"))
	if err != nil {
		return packages.Lock{}, err
	}
	report, err := readSmall(filepath.Join(out, "report.json"), 64<<20)
	if err != nil {
		return packages.Lock{}, fmt.Errorf("pip's report: %w", err)
	}
	lock, python, err := packages.ReadReport(report)
	if err != nil {
		return packages.Lock{}, err
	}
	return lock, checkPython(b.spec.File, python, b.wanted.Python)
}

func checkPython(file, have, want string) error {
	if want == "" || have == "" {
		return nil
	}
	ok, err := packages.Satisfies(have, want)
	if err == nil && !ok {
		err = fmt.Errorf("the image has Python %s", have)
	}
	if err == nil {
		return nil
	}
	return &Error{What: fmt.Sprintf("script %q requires Python %q", filepath.Base(file), want), Why: err.Error(),
		Kind: "python", At: "--image", Exit: statusUsage, Mend: "give an image that has it, as in --image python:3.12-slim"}
}

// pip is a command of pip. Only wheels are taken: a source distribution runs code
// of its own when it is built.
func pip(args ...string) []string {
	return append([]string{
		"python3", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--quiet",
		"--progress-bar", "off", "--only-binary", ":all:",
	}, args...)
}

// npm runs npm on copies of the lists, which are in a folder that it only reads.
func npm(args string) []string {
	return []string{"sh", "-c", "cp " + InDir + "/*.json " + OutDir + "/ && cd " + OutDir + " && chmod u+w *.json && npm " + args +
		" --ignore-scripts --no-audit --no-fund --loglevel=error --cache /tmp/npm"}
}

func (b *builder) lockNPM(ctx context.Context) (packages.Lock, error) {
	manifest := b.wanted.Manifest
	if len(manifest) == 0 {
		manifest = []byte(`{"private":true}` + "\n")
	}
	if len(b.wanted.NPMLock) > 0 {
		return packages.ReadNPM(manifest, b.wanted.NPMLock)
	}
	// Each name was checked to have nothing in it that a shell would read but the
	// signs of ranges, which are quoted.
	var names strings.Builder
	for _, r := range b.wanted.Requirements {
		names.WriteString(" '" + r + "'")
	}
	out, err := b.step(ctx, "lock", map[string][]byte{"package.json": manifest}, npm("install --package-lock-only"+names.String()))
	if err != nil {
		return packages.Lock{}, err
	}
	lock, err := readSmall(filepath.Join(out, "package-lock.json"), 64<<20)
	if err == nil {
		manifest, err = readSmall(filepath.Join(out, "package.json"), maxScript)
	}
	if err != nil {
		return packages.Lock{}, fmt.Errorf("npm's lock: %w", err)
	}
	return packages.ReadNPM(manifest, lock)
}

// install makes the image of a lock.
func (b *builder) install(ctx context.Context, lock packages.Lock, key string) (Image, error) {
	b.notice("installing packages…")
	files := map[string][]byte{"requirements.txt": []byte(lock.Pinned())}
	command, from, to := pip("--no-deps", "--require-hashes", "--target", OutDir+"/packages", "-r", InDir+"/requirements.txt"), "packages", pipDir
	if lock.Manager == language.NPM {
		files = map[string][]byte{"package.json": lock.Manifest, "package-lock.json": lock.NPM}
		command, from, to = npm("ci"), npmDir, npmDir
	}
	out, err := b.step(ctx, "install", files, command)
	if err != nil {
		return Image{}, err
	}
	return b.Runner.AddLayer(ctx, LayerRequest{Base: b.base, Key: key, Lock: lock.Hash(), Tar: func(w io.Writer) error {
		return writeLayer(w, filepath.Join(out, from), to)
	}})
}

// writeLayer packs a folder that a build step brought back: files and folders that
// belong to root, always with the same time.
func writeLayer(w io.Writer, dir, to string) error {
	tw := tar.NewWriter(w)
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return tw.Close() // nothing had to be installed
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only read
	// Only folders of envctl's own are written; those above them are the image's.
	in := inputs{hashes: map[string]string{}, unbounded: true}
	if to == pipDir {
		if err := in.folder(tw, path.Dir(to)); err != nil {
			return err
		}
	}
	err = fs.WalkDir(root.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return in.folder(tw, path.Join(to, rel))
		default:
			return in.open(tw, root, rel, path.Join(to, rel), rel)
		}
	})
	return errors.Join(err, tw.Close())
}

// step runs one build step, which may reach the package index and nothing else, and
// returns the folder of what it left in OutDir.
func (b *builder) step(ctx context.Context, name string, files map[string][]byte, command []string) (string, error) {
	out := filepath.Join(b.dir, name)
	var told bytes.Buffer
	output := newStream(&told, 64<<10, nil)
	index := b.index()
	if index.URL == "" {
		return "", wrong(variableNPM, "set "+variableNPM+"; `npm config get registry` prints the address that npm uses",
			"nothing says which registry of npm the packages come from")
	}
	ended, err := b.Runner.Run(ctx, Program{
		ID: b.id + "-" + name, Image: b.base, Command: command[:1], Args: command[1:], WorkDir: OutDir, UID: b.uid,
		Env: []string{"HOME=/tmp", "TMPDIR=" + OutDir, "PIP_CONFIG_FILE=/dev/null"},
		CPU: max(b.spec.CPU, 1), Memory: max(b.spec.Memory, buildMemory), Scratch: buildScratch, Timeout: buildTimeout,
		Grace: grace, Expires: time.Now().Add(buildTimeout + expiryMargin), Isolation: b.spec.Isolation, Index: &index,
		In:  func(w io.Writer) error { return writeFiles(w, files) },
		Out: out, OutLimits: untar.Limits{Files: buildFiles, Bytes: buildBytes},
	}, Streams{Stdout: output, Stderr: output})
	output.finish("the build step")
	if err != nil {
		return "", err
	}
	if ended.ExitCode == 0 {
		return out, nil
	}
	text := strings.TrimSpace(told.String())
	text = text[max(0, len(text)-said):]
	why := fmt.Sprintf("%s ended with exit status %d", cmp.Or(b.wanted.Manager, "the package manager"), ended.ExitCode)
	if ended.TimedOut {
		why = fmt.Sprintf("it was stopped after %s", buildTimeout)
	}
	return "", &Error{What: "the packages could not be had:\n" + text, Why: why, Kind: "packages", At: "--with", Exit: 1,
		Mend: fmt.Sprintf("look at the names and versions; the index is %s (%s), and only wheels are taken", index.URL, b.variable())}
}

func (b *builder) variable() string {
	if b.wanted.Manager == language.NPM {
		return variableNPM
	}
	return variablePip
}

// index is where the packages come from.
func (b *builder) index() Index {
	if b.wanted.Manager == language.NPM {
		return Index{URL: b.NPM, Env: func(url string) []string { return []string{"npm_config_registry=" + url} }}
	}
	index := Index{URL: cmp.Or(b.PyPI, publicPyPI), Env: func(url string) []string {
		env := []string{"PIP_INDEX_URL=" + url}
		if host, plain := strings.CutPrefix(url, "http://"); plain {
			host, _, _ = strings.Cut(host, "/")
			env = append(env, "PIP_TRUSTED_HOST="+host) // the user chose it without TLS
		}
		return env
	}}
	if index.URL == publicPyPI {
		index.Hosts = []string{pypiFiles}
	}
	return index
}

// writeFiles writes a tar of files by name.
func writeFiles(w io.Writer, files map[string][]byte) error {
	tw := tar.NewWriter(w)
	in := inputs{hashes: map[string]string{}}
	for name, data := range files {
		if err := in.file(tw, name, 0o444, int64(len(data)), bytes.NewReader(data)); err != nil {
			return err
		}
	}
	return tw.Close()
}
