// Package share brings back what a job left in its folder of a file share of Azure
// Files. Names and contents are what untrusted code wrote: they come through package
// untar, with the same limits and refusals as what a local container leaves.
//
// Five calls of the service's REST interface are all that is needed, and Resource
// Manager gives a signature for them, so that no key is held here and nothing is
// signed: Microsoft's module would bring those of two more services along.
package share

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/local/docker/untar"
)

// version is that of the service's interface: with it a name may end with a dot.
const version = "2022-11-02"

// Sender sends a request whose answer is passed on; see [arm.Client.Stream].
type Sender interface {
	Stream(ctx context.Context, method, target string, header http.Header, body io.ReadSeeker) (*http.Response, error)
}

// Folder is a folder at the top of a share.
type Folder struct {
	Send Sender
	URL  string // of the share, without a slash at its end
	// Signature is the query of a shared access signature that may read, create,
	// delete and list.
	Signature string
	Name      string
}

// entry is one file or folder of a list.
type entry struct {
	Name struct {
		Text    string `xml:",chardata"`
		Encoded bool   `xml:",attr"` // it has what XML cannot hold
	}
	folder bool
}

// page is the answer of a list.
type page struct {
	Files   []entry `xml:"Entries>File"`
	Folders []entry `xml:"Entries>Directory"`
	Next    string  `xml:"NextMarker"`
}

// mostPage bounds the bytes of a page, which has 5,000 entries with names of at most
// 255 characters.
const mostPage = 16 << 20

// list asks for one page of a folder's entries.
func (f Folder) list(ctx context.Context, path []string, marker string) (page, error) {
	query := url.Values{"restype": {"directory"}, "comp": {"list"}}
	if marker != "" {
		query.Set("marker", marker)
	}
	answer, err := f.do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return page{}, err
	}
	defer answer.Body.Close()
	var out page
	if err := xml.NewDecoder(io.LimitReader(answer.Body, mostPage)).Decode(&out); err != nil {
		return page{}, fmt.Errorf("read the list of %q: %w", strings.Join(path, "/"), err)
	}
	return out, nil
}

// entries are those of a page, with names that a path can have.
func (p page) entries() ([]entry, error) {
	all := p.Files
	for _, e := range p.Folders {
		e.folder = true
		all = append(all, e)
	}
	for i := range all {
		name := &all[i].Name
		if name.Encoded {
			text, err := url.PathUnescape(name.Text)
			if err != nil {
				return nil, fmt.Errorf("%w: the name %q is not encoded as it says", untar.ErrHostile, name.Text)
			}
			name.Text, name.Encoded = text, false
		}
		if !honest(name.Text) {
			return nil, fmt.Errorf("%w: the name %q is none that a file share can hold", untar.ErrHostile, name.Text)
		}
	}
	return all, nil
}

// honest says whether a name is one segment of a path, here and in the share.
func honest(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

// do sends a request about a path of the share.
func (f Folder) do(ctx context.Context, method string, path []string, query url.Values, header http.Header) (*http.Response, error) {
	target := f.URL
	for _, segment := range path {
		target += "/" + url.PathEscape(segment)
	}
	target += "?" + f.Signature
	if len(query) > 0 {
		target += "&" + query.Encode()
	}
	all := http.Header{"X-Ms-Version": {version}, "X-Ms-Allow-Trailing-Dot": {"true"}}
	for name, values := range header {
		all[name] = values
	}
	return f.Send.Stream(ctx, method, target, all, nil)
}

// simply sends a request whose answer says nothing.
func (f Folder) simply(ctx context.Context, method string, path []string, query url.Values) error {
	answer, err := f.do(ctx, method, path, query, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, mostPage))
	return errors.Join(err, answer.Body.Close())
}

func ignoreMissing(err error) error {
	if arm.IsNotFound(err) {
		return nil
	}
	return err
}
