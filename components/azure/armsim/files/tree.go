package files

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// tree is the content of a share.
type tree struct{ *os.Root }

// openShare opens the folder of a share, which is made when it is missing.
func openShare(dir, share string) (*os.Root, error) {
	folder := filepath.Join(dir, share)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of a simulated file share: %w", err)
	}
	return os.OpenRoot(folder)
}

// entries is the body of a list:
// https://learn.microsoft.com/rest/api/storageservices/list-directories-and-files.
type entries struct {
	XMLName       xml.Name `xml:"EnumerationResults"`
	Account       string   `xml:"ServiceEndpoint,attr"`
	ShareName     string   `xml:",attr"`
	DirectoryPath string   `xml:",attr"`
	Marker        string
	MaxResults    int
	Files         []listed `xml:"Entries>File"`
	Directories   []listed `xml:"Entries>Directory"`
	NextMarker    string
}

type listed struct {
	Name   string
	Length string `xml:"Properties>Content-Length,omitempty"` // of a file
}

// mostListed is how many entries a page has at most, and where nothing is asked.
const mostListed = 5000

func (t tree) list(w http.ResponseWriter, account string, c call) *refusal {
	most := mostListed
	if given := c.query.Get("maxresults"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > mostListed {
			return refuse(http.StatusBadRequest, "OutOfRangeQueryParameterValue", "One of the query parameters specified in the request URI is outside the permissible range: maxresults is "+given+".")
		}
		most = n
	}
	all, bad := t.children(c.path)
	if bad != nil {
		return bad
	}
	out := entries{Account: "https://" + account + "/", ShareName: c.share, DirectoryPath: path.Join(c.path...), Marker: c.query.Get("marker"), MaxResults: most}
	for _, info := range all {
		if out.Marker != "" && info.Name() < out.Marker {
			continue
		}
		if len(out.Files)+len(out.Directories) == most {
			out.NextMarker = info.Name()
			break
		}
		if info.IsDir() {
			out.Directories = append(out.Directories, listed{Name: info.Name()})
		} else {
			out.Files = append(out.Files, listed{Name: info.Name(), Length: strconv.FormatInt(info.Size(), 10)})
		}
	}
	writeXML(w, http.StatusOK, out)
	return nil
}

// children are the files and folders of a folder, in the order of their names.
func (t tree) children(folder []string) ([]fs.FileInfo, *refusal) {
	f, err := t.Open(name(folder))
	if err != nil {
		return nil, missing(err)
	}
	defer f.Close()
	all, err := f.Readdir(-1)
	if err != nil {
		return nil, missing(err)
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return cmp.Compare(a.Name(), b.Name()) })
	return all, nil
}

// name is a path for os.Root.
func name(segments []string) string {
	if len(segments) == 0 {
		return "."
	}
	return strings.Join(segments, "/")
}

func missing(err error) *refusal {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse(http.StatusNotFound, "ResourceNotFound", "The specified resource does not exist.")
	case errors.Is(err, syscall.ENOTDIR):
		return refuse(http.StatusConflict, "ResourceTypeMismatch", "The specified resource type does not match the type of the existing resource.")
	}
	return refuse(http.StatusInternalServerError, "InternalError", err.Error())
}

func (t tree) makeFolder(w http.ResponseWriter, folder []string) *refusal {
	err := t.Mkdir(name(folder), 0o700)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusCreated)
		return nil
	case errors.Is(err, fs.ErrExist):
		return refuse(http.StatusConflict, "ResourceAlreadyExists", "The specified resource already exists.")
	case errors.Is(err, fs.ErrNotExist):
		return refuse(http.StatusNotFound, "ParentNotFound", "The specified parent path does not exist.")
	}
	return missing(err)
}

// remove removes a file, or an empty folder.
func (t tree) remove(w http.ResponseWriter, c call) *refusal {
	info, err := t.Lstat(name(c.path))
	switch {
	case err != nil:
		return missing(err)
	case info.IsDir() != c.folder || len(c.path) == 0:
		return refuse(http.StatusConflict, "ResourceTypeMismatch", "The specified resource type does not match the type of the existing resource.")
	}
	switch err := t.Remove(name(c.path)); {
	case errors.Is(err, syscall.ENOTEMPTY):
		return refuse(http.StatusConflict, "DirectoryNotEmpty", "The specified directory is not empty.")
	case err != nil:
		return missing(err)
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// send sends a file, or the range of it that is asked for.
func (t tree) send(w http.ResponseWriter, r *http.Request, file []string) *refusal {
	f, err := t.Open(name(file))
	if err != nil {
		return missing(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return missing(err)
	case !info.Mode().IsRegular():
		return refuse(http.StatusConflict, "ResourceTypeMismatch", "The specified resource type does not match the type of the existing resource.")
	}
	if asked := r.Header.Get("x-ms-range"); asked != "" {
		r.Header.Set("Range", asked)
	}
	w.Header().Set("x-ms-type", "File")
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", fmt.Sprintf(`"0x%X"`, info.ModTime().UnixNano()))
	http.ServeContent(w, r, "", info.ModTime(), f)
	return nil
}
