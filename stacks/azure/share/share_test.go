package share_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/armsim/files"
	"github.com/envctl/envctl/components/azure/armsim/sas"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/stacks/azure/share"
)

// sender asks a failing service again, as the real client does, without waiting.
type sender struct {
	http  *http.Client
	asked atomic.Int64
}

func (s *sender) Stream(ctx context.Context, method, target string, header http.Header, _ io.ReadSeeker) (*http.Response, error) {
	for try := 1; ; try++ {
		s.asked.Add(1)
		r, err := http.NewRequestWithContext(ctx, method, target, nil)
		if err != nil {
			return nil, err
		}
		r.Header = header.Clone()
		answer, err := s.http.Do(r)
		switch {
		case err != nil && try < 3:
			continue
		case err != nil:
			return nil, err
		case answer.StatusCode < 300:
			return answer, nil
		}
		answer.Body.Close()
		if answer.StatusCode < 429 || try == 3 {
			return nil, &arm.Error{StatusCode: answer.StatusCode, Code: answer.Header.Get("x-ms-error-code")}
		}
	}
}

// made is a share of the simulator, the folder with its content, and a job's folder
// in it.
func made(t *testing.T, permissions string, faults ...fault.Fault) (share.Folder, string, *sender) {
	t.Helper()
	key, dir := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 64)), t.TempDir()
	plane := httptest.NewTLSServer(&files.Server{
		Account: "acc", Dir: dir, Faults: fault.NewSet(faults), Now: time.Now,
		Find: func(name string) (files.Share, bool) {
			return files.Share{Keys: []string{key}, Content: "content"}, name == "outputs"
		},
	})
	t.Cleanup(plane.Close)
	plane.Config.ErrorLog = nil
	signature, err := sas.Grant{Account: "acc", Share: "outputs", Permissions: permissions, Expiry: time.Now().Add(time.Hour), HTTPSOnly: true}.Query(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{http: plane.Client()}
	return share.Folder{Send: s, URL: plane.URL + "/outputs", Signature: signature, Name: "job"}, filepath.Join(dir, "content", "job"), s
}

func write(t *testing.T, dir string, content map[string]string) {
	t.Helper()
	for name, text := range content {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.IsDir() {
			out[name+"/"] = ""
			return nil
		}
		text, err := os.ReadFile(path)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func fetch(t *testing.T, f share.Folder, limits untar.Limits) (map[string]string, untar.Summary, error) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	sum, err := f.Fetch(t.Context(), root, limits)
	return read(t, dir), sum, err
}

// left is what a job may leave, with names that a URL or XML would tear up.
func left() map[string]string {
	return map[string]string{
		"result.txt": "42", "a/": "", "a/b/": "", "a/b/c.csv": "x,y\n1,2\n", "empty/": "", "none": "",
		"a b%2F+&=;#.txt": "odd", "größe ü 日本.txt": "wide", "dot.": "dot", "&'.xml": "xml",
	}
}

func TestFetchAndEmpty(t *testing.T) {
	t.Parallel()
	f, dir, _ := made(t, "rcdl")
	if got, sum, err := fetch(t, f, untar.Limits{}); err != nil || len(got) > 0 || sum.Files > 0 {
		t.Fatalf("without the folder: %v, %+v, %v", got, sum, err)
	}
	if err := f.Empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, dir, left())
	write(t, filepath.Join(dir, "..", "other"), map[string]string{"untouched": "yes"})
	for range 2 { // what is there already is replaced, and nothing is lost by a look
		got, sum, err := fetch(t, f, untar.Limits{})
		if d := cmp.Diff(left(), got); d != "" || err != nil || sum.Files != 7 || sum.Folders != 3 {
			t.Fatalf("%v, %+v\n%s", err, sum, d)
		}
	}
	if err := f.Empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir); len(got) > 0 {
		t.Errorf("left %v", got)
	}
	if got := read(t, filepath.Join(dir, "..", "other")); len(got) != 1 {
		t.Errorf("another job's: %v", got)
	}
	if err := f.Empty(t.Context()); err != nil {
		t.Error(err)
	}
}

// A list of several pages comes whole, and goes whole.
func TestPages(t *testing.T) {
	t.Parallel()
	const many = 5_001 // a page has 5,000
	f, dir, _ := made(t, "rcdl")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%04d", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, sum, err := fetch(t, f, untar.Limits{})
	if err != nil || len(got) != many || sum.Files != many {
		t.Fatalf("%d files, %+v, %v", len(got), sum, err)
	}
	if err := f.Empty(t.Context()); err != nil || len(read(t, dir)) > 0 {
		t.Errorf("%v, left %d", err, len(read(t, dir)))
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	f, dir, _ := made(t, "rl")
	write(t, dir, left())
	for name, limits := range map[string]untar.Limits{"files": {Files: 3}, "bytes": {Bytes: 4}} {
		var limit *untar.LimitError
		if _, _, err := fetch(t, f, limits); !errors.As(err, &limit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const large = 300_000
	for name, c := range map[string]struct {
		fault fault.Fault
		fails string
	}{
		"throttled":                {fault.Fault{Op: "get", Status: 429, Code: "ServerBusy", Times: 2}, ""},
		"throttled list":           {fault.Fault{Op: "list", Status: 503, Code: "ServerBusy"}, ""},
		"cut":                      {fault.Fault{Op: "get", Wire: fault.Cut, Times: 2}, ""},
		"cut each time":            {fault.Fault{Op: "get", Wire: fault.Cut, Times: -1}, "broke off"},
		"lost before it was asked": {fault.Fault{Op: "get", Wire: fault.DropBefore}, ""},
		"forbidden":                {fault.Fault{Op: "get", Status: 403, Code: "AuthorizationFailure", Times: -1}, "AuthorizationFailure"},
		"list forbidden":           {fault.Fault{Op: "list", Status: 403, Code: "AuthorizationFailure", Times: -1}, "AuthorizationFailure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, dir, _ := made(t, "rcdl", c.fault)
			want := map[string]string{"large": strings.Repeat("0123456789", large/10)}
			write(t, dir, want)
			got, _, err := fetch(t, f, untar.Limits{})
			if c.fails == "" && (err != nil || got["large"] != want["large"]) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("%d bytes, %v", len(got["large"]), err)
			}
		})
	}
}

// What was done before an answer was lost is no failure of emptying.
func TestEmptyIsRepeatable(t *testing.T) {
	t.Parallel()
	for _, wire := range []fault.Wire{fault.DropAfter, fault.DropBefore} {
		for _, op := range []string{"put", "delete", "list"} {
			f, dir, _ := made(t, "rcdl", fault.Fault{Op: op, Wire: wire})
			write(t, dir, left())
			if err := f.Empty(t.Context()); err != nil || len(read(t, dir)) > 0 {
				t.Errorf("%s of %s: %v, left %v", wire, op, err, read(t, dir))
			}
		}
	}
}

// A signature permits what it says and nothing else.
func TestASignatureIsNeeded(t *testing.T) {
	t.Parallel()
	f, dir, _ := made(t, "l")
	write(t, dir, left())
	if _, _, err := fetch(t, f, untar.Limits{}); !arm.HasCode(err, "AuthorizationPermissionMismatch") {
		t.Errorf("%v", err)
	}
	if err := f.Empty(t.Context()); !arm.HasCode(err, "AuthorizationPermissionMismatch") {
		t.Errorf("%v", err)
	}
	f.URL = strings.Replace(f.URL, "/outputs", "/others", 1)
	if err := f.Empty(t.Context()); !arm.HasCode(err, "ShareNotFound") {
		t.Errorf("%v", err)
	}
}

// listing answers each list with a page, and each file with a byte.
type listing struct{ pages []string }

func (l *listing) Stream(_ context.Context, _, target string, _ http.Header, _ io.ReadSeeker) (*http.Response, error) {
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: 1, Body: io.NopCloser(strings.NewReader("x"))}
	if strings.Contains(target, "comp=list") {
		next := l.pages[0]
		if len(l.pages) > 1 {
			l.pages = l.pages[1:]
		}
		answer.Body = io.NopCloser(strings.NewReader(next))
	}
	return answer, nil
}

// Names that no share can hold come from nobody honest: nothing is written.
func TestHostileLists(t *testing.T) {
	t.Parallel()
	of := func(inner, marker string) string {
		return "<?xml version=\"1.0\"?><EnumerationResults><Entries>" + inner + "</Entries><NextMarker>" + marker + "</NextMarker></EnumerationResults>"
	}
	file := func(name string) string { return of("<File><Name>"+name+"</Name></File>", "") }
	for name, c := range map[string]struct {
		pages []string
		fails string
	}{
		"parent":               {[]string{file("..")}, "hostile"},
		"itself":               {[]string{file(".")}, "hostile"},
		"no name":              {[]string{file("")}, "hostile"},
		"slash":                {[]string{file("a/../../b")}, "hostile"},
		"absolute":             {[]string{file("/etc/passwd")}, "hostile"},
		"backslash":            {[]string{file(`..\b`)}, "hostile"},
		"folder":               {[]string{of("<Directory><Name>..</Name></Directory>", "")}, "hostile"},
		"encoded parent":       {[]string{of(`<File><Name Encoded="true">%2E%2E</Name></File>`, "")}, "hostile"},
		"encoded slash":        {[]string{of(`<File><Name Encoded="true">a%2Fb</Name></File>`, "")}, "hostile"},
		"encoded zero":         {[]string{of(`<File><Name Encoded="true">a%00b</Name></File>`, "")}, "hostile"},
		"badly encoded":        {[]string{of(`<File><Name Encoded="true">%zz</Name></File>`, "")}, "not encoded"},
		"no XML":               {[]string{"<html>"}, "read the list"},
		"the same page":        {[]string{of("<File><Name>a</Name></File>", "m")}, "does not end"},
		"endless empty pages":  {[]string{of("", "m1"), of("", "m2")}, "does not end"},
		"folders without end":  {[]string{of("<Directory><Name>d</Name></Directory>", "")}, "more than 250 folders in one another"},
		"honest, with a space": {[]string{file("a b")}, ""},
		"honest, encoded":      {[]string{of(`<File><Name Encoded="true">a%EF%BF%BFb</Name></File>`, "")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := share.Folder{Send: &listing{c.pages}, URL: "https://x/outputs", Signature: "sig=x", Name: "job"}
			got, _, err := fetch(t, f, untar.Limits{})
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%v", err)
			}
			if c.fails == "hostile" && (len(got) > 0 || !errors.Is(err, untar.ErrHostile)) {
				t.Errorf("%v came out, %v", got, err)
			}
		})
	}
}
