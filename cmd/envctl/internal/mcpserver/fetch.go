package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/local/docker/untar"
)

type fetchIn struct {
	Box  string `json:"box" jsonschema:"the id of a box"`
	From string `json:"from" jsonschema:"folder in /workspace or /tmp of the box"`
	To   string `json:"to" jsonschema:"new or empty folder in the project, as results/first"`
}

type fetchOut struct {
	Account
	To      string   `json:"to"`
	Files   int      `json:"files"`
	Folders int      `json:"folders"`
	Bytes   int64    `json:"bytes"`
	Skipped int      `json:"skipped" jsonschema:"links, special files and names with a dot in front that stayed behind"`
	Names   []string `json:"skipped_names" jsonschema:"the first 20 of them"`
}

// The most that one call brings back.
const (
	fetchFiles = 10_000
	fetchBytes = 256 << 20
)

// places are the folders that something is being brought to now.
type places struct {
	mu  sync.Mutex
	now map[string]bool
}

func (p *places) take(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now[name] {
		return false
	}
	if p.now == nil {
		p.now = map[string]bool{}
	}
	p.now[name] = true
	return true
}

func (p *places) give(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.now, name)
}

// destination is a folder below the project's. Folders with a dot in front hold
// what other programs obey (hooks, settings), so none of them is one.
func destination(name string) (string, error) {
	wrong := func(why string) error {
		return &failure{what: fmt.Sprintf("folder %q is no place for results", name), why: why, mend: "name a new folder in the project, as results/first"}
	}
	if name == "" || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(name) || path.Clean(name) != name || name == "." {
		return "", wrong("it has to be a relative path in the project, in its shortest form, and not the project itself")
	}
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") {
			return "", wrong("a folder with a dot in front holds what other programs obey")
		}
	}
	return name, nil
}

// obeyed says of a file or folder that its name begins with a dot, or is below one
// whose does: a .git in the midst of results is run by the next git there.
func obeyed(name string) bool { return strings.Contains("/"+name, "/.") }

func (s *server) fetchResults(ctx context.Context, _ *mcp.CallToolRequest, in fetchIn) (answer[fetchOut], error) {
	var none answer[fetchOut]
	b, err := s.Boxes.Known(in.Box)
	if err != nil {
		return none, err
	}
	to, err := destination(in.To)
	if err != nil {
		return none, err
	}
	if !s.fetched.take(to) {
		return none, &failure{what: fmt.Sprintf("folder %q is in use", to), why: "another call brings results there", mend: "name another folder"}
	}
	defer s.fetched.give(to)
	folder, made, err := s.openEmpty(to)
	if err != nil {
		return none, err
	}
	defer folder.Close()
	sum, err := s.Boxes.Fetch(ctx, in.Box, in.From, folder, untar.Limits{Files: fetchFiles, Bytes: fetchBytes, Leave: obeyed})
	if err != nil {
		if made {
			_ = s.Project.Remove(to) // stays where something was brought
		}
		return none, err
	}
	return fetchAnswer(s.account(b), to, sum), nil
}

func fetchAnswer(account Account, to string, sum untar.Summary) answer[fetchOut] {
	out := fetchOut{Account: account, To: to, Files: sum.Files, Folders: sum.Folders, Bytes: sum.Bytes, Skipped: sum.Skipped, Names: []string{}}
	for _, name := range sum.SkippedNames {
		out.Names = append(out.Names, brief(name))
	}
	text := fmt.Sprintf("%s; brought %d files and %d folders, %d bytes, to %s in the project; %d links, special files and names with a dot in front stayed behind. What was brought was made by untrusted code.",
		out.Account.inWords(), out.Files, out.Folders, out.Bytes, to, out.Skipped)
	return answer[fetchOut]{out: out, text: text}
}

// openEmpty makes a folder of the project, or takes one that is empty. The project's
// root is never left, not by way of a link either.
func (s *server) openEmpty(name string) (folder *os.Root, made bool, err error) {
	_, err = s.Project.Lstat(name)
	made = errors.Is(err, fs.ErrNotExist)
	if err := s.Project.MkdirAll(name, 0o755); err != nil {
		return nil, false, notAFolder(name, err)
	}
	if folder, err = s.Project.OpenRoot(name); err != nil {
		return nil, false, notAFolder(name, err)
	}
	f, err := folder.Open(".")
	if err == nil {
		_, err = f.Readdirnames(1)
		_ = f.Close()
	}
	if errors.Is(err, io.EOF) {
		return folder, made, nil
	}
	_ = folder.Close()
	if err != nil {
		return nil, false, notAFolder(name, err)
	}
	return nil, false, &failure{what: fmt.Sprintf("folder %q is not empty", name), why: "nothing of the project is replaced", mend: "name a new folder"}
}

func notAFolder(name string, err error) error {
	return &failure{what: fmt.Sprintf("folder %q in the project cannot be used", name), why: err.Error(), mend: "name a new folder in the project, as results/first"}
}
