// Package files is the data plane of a simulated storage account's file shares, as
// far as it is used: folders are listed, made and removed, files are read and
// removed, with a shared access signature of the share. The content is a folder of
// this machine, so that names differ by their case, which on Azure they do not.
package files

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/armsim/sas"
)

// Type is what faults of this data plane name, with the Ops list, get, put and
// delete and the share's name.
const Type = "Microsoft.Storage/storageAccounts/fileServices/shares/files"

// Server answers for one account.
type Server struct {
	Account string
	Dir     string // of the shares, a folder each
	// Find finds a share by its name; false while it is not there.
	Find   func(name string) (Share, bool)
	Faults *fault.Set
	Now    func() time.Time
}

// Share is a file share that is there.
type Share struct {
	Keys    []string // of the account; the first signs
	Content string   // name of the folder with its content
}

// call is one request: an operation on a path of a share.
type call struct {
	op          string   // list, get, put or delete
	folder      bool     // the path is a folder's
	share       string   //
	path        []string // below the share
	permissions string   // one of which is needed
	query       url.Values
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, bad := read(r)
	if bad != nil {
		bad.write(w)
		return
	}
	f := s.Faults.Match(Type, c.op, c.share)
	if f == nil {
		s.answer(w, r, c)
		return
	}
	for key, value := range f.Headers {
		w.Header().Set(key, value)
	}
	if f.Status != 0 {
		refuse(f.Status, f.Code, f.Message).write(w)
		return
	}
	f.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, c) }), w, r)
}

// read takes a request apart.
func read(r *http.Request) (call, *refusal) {
	c := call{query: r.URL.Query()}
	for i, segment := range strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/") {
		name, err := url.PathUnescape(segment)
		if err != nil || !honest(name) {
			return c, refuse(http.StatusBadRequest, "InvalidUri", "The requested URI does not represent any resource on the server.")
		}
		if i == 0 {
			c.share = name
			continue
		}
		c.path = append(c.path, name)
	}
	if v := r.Header.Get("x-ms-version"); v != sas.Version {
		return c, refuse(http.StatusBadRequest, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: x-ms-version is "+v+".")
	}
	restype, comp := c.query.Get("restype"), c.query.Get("comp")
	switch c.folder = restype == "directory"; {
	case r.Method == http.MethodGet && c.folder && comp == "list":
		c.op, c.permissions = "list", "l"
	case r.Method == http.MethodPut && c.folder && comp == "":
		c.op, c.permissions = "put", "cw"
	case r.Method == http.MethodDelete && restype != "share" && comp == "":
		c.op, c.permissions = "delete", "d"
	case r.Method == http.MethodGet && restype == "" && comp == "":
		c.op, c.permissions = "get", "r"
	default:
		return c, refuse(http.StatusNotImplemented, "NotSimulated", "The simulator has no "+r.Method+" of restype="+restype+" and comp="+comp+".")
	}
	return c, nil
}

// honest says whether a name is one that Azure Files can have.
func honest(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\\:|<>*?\"\x00")
}

// answer checks the signature and does what is asked.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, c call) {
	w.Header().Set("x-ms-request-id", "00000000-0000-0000-0000-000000000000")
	w.Header().Set("x-ms-version", sas.Version)
	share, ok := s.Find(c.share)
	if !ok {
		refuse(http.StatusNotFound, "ShareNotFound", "The specified share does not exist.").write(w)
		return
	}
	if bad := sas.Check(share.Keys[0], s.Account, c.share, c.query, c.permissions, s.Now()); bad != nil {
		refuse(http.StatusForbidden, bad.Code, bad.Message).write(w)
		return
	}
	root, err := openShare(s.Dir, share.Content)
	if err != nil {
		refuse(http.StatusInternalServerError, "InternalError", err.Error()).write(w)
		return
	}
	defer root.Close()
	t := tree{root}
	var bad *refusal
	switch {
	case c.op == "list":
		bad = t.list(w, s.Account, c)
	case c.op == "put":
		bad = t.makeFolder(w, c.path)
	case c.op == "delete":
		bad = t.remove(w, c)
	default:
		bad = t.send(w, r, c.path)
	}
	if bad != nil {
		bad.write(w)
	}
}

// refusal is an error as the storage services answer it.
type refusal struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	status  int
}

func refuse(status int, code, message string) *refusal {
	return &refusal{Code: code, Message: message, status: status}
}

func (r *refusal) write(w http.ResponseWriter) {
	w.Header().Set("x-ms-error-code", r.Code)
	writeXML(w, r.status, r)
}

func writeXML(w http.ResponseWriter, status int, body any) {
	raw, err := xml.Marshal(body)
	if err != nil {
		panic(err) // texts and numbers
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), raw...)) // a client that is gone needs no answer
}
