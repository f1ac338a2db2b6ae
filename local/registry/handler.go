package registry

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Handler serves the store by the distribution specification 1.1: pull, push
// (monolithic, chunked, resumable), mounts, tags, referrers and deletion.
func (s *Store) Handler(o Options) http.Handler { return &handler{store: s, options: o} }

type handler struct {
	store   *Store
	options Options
}

// route is where a request goes: /v2/REPOSITORY/KIND/LAST.
type route struct {
	repository string
	kind       string // base, catalog, manifests, blobs, uploads, tags, referrers
	last       string // the reference, digest or upload; empty for a new upload
}

// parseRoute reads the path of a request. Names may have parts such as "blobs", so
// what a path means goes by its end.
func parseRoute(path string) (route, bool) {
	rest, ok := strings.CutPrefix(path, "/v2")
	switch {
	case !ok:
		return route{}, false
	case rest == "" || rest == "/":
		return route{kind: "base"}, true
	case rest == "/_catalog":
		return route{kind: "catalog"}, true
	}
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	n := len(parts)
	switch {
	case n >= 4 && parts[n-3] == "blobs" && parts[n-2] == "uploads":
		return route{strings.Join(parts[:n-3], "/"), "uploads", parts[n-1]}, true
	case n >= 3 && parts[n-2] == "blobs" && parts[n-1] == "uploads":
		return route{strings.Join(parts[:n-2], "/"), "uploads", ""}, true
	case n >= 3 && parts[n-2] == "tags" && parts[n-1] == "list":
		return route{strings.Join(parts[:n-2], "/"), "tags", ""}, true
	case n >= 3 && slices.Contains([]string{"manifests", "blobs", "referrers"}, parts[n-2]):
		return route{strings.Join(parts[:n-2], "/"), parts[n-2], parts[n-1]}, true
	}
	return route{}, false
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	at, ok := parseRoute(r.URL.Path)
	if !ok {
		answer(w, refuse(http.StatusNotFound, "NAME_UNKNOWN", "there is nothing at %s", quoted(r.URL.Path)))
		return
	}
	if err := h.admit(r, at); err != nil {
		answer(w, err)
		return
	}
	var err error
	switch at.kind {
	case "base":
		err = writeJSON(w, r, "application/json", struct{}{})
	case "catalog":
		err = h.catalog(w, r)
	case "manifests":
		err = h.manifests(w, r, at)
	case "blobs":
		err = h.blobs(w, r, at)
	case "uploads":
		err = h.uploads(w, r, at)
	case "tags":
		err = h.tags(w, r, at)
	case "referrers":
		err = h.referrers(w, r, at)
	}
	if err != nil {
		answer(w, err)
	}
}

// admit asks whether the request may be made, before its name is even looked at.
func (h *handler) admit(r *http.Request, at route) error {
	push := r.Method != http.MethodGet && r.Method != http.MethodHead
	if h.options.Authorize != nil {
		if err := h.options.Authorize(r, at.repository, push); err != nil {
			var told *Error
			if errors.As(err, &told) {
				return told
			}
			return refuse(http.StatusForbidden, "DENIED", "%v", err)
		}
	}
	if at.repository != "" {
		if err := checkName(at.repository); err != nil {
			return err
		}
	}
	if push {
		return h.store.pushed()
	}
	return nil
}

// answer tells of an error as the specification has it.
func answer(w http.ResponseWriter, err error) {
	var told *Error
	var moved *MovedError
	switch {
	case errors.As(err, &told):
	case errors.As(err, &moved):
		told = refuse(http.StatusConflict, "TAG_IMMUTABLE", "%v", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EDQUOT):
		told = refuse(http.StatusInsufficientStorage, "UNKNOWN", "the registry's disk is full: %v", err)
	default:
		told = refuse(http.StatusInternalServerError, "UNKNOWN", "%v", err)
	}
	if told.Challenge != "" {
		w.Header().Set("WWW-Authenticate", told.Challenge)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(told.Status)
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.NewEncoder(w).Encode(map[string][]problem{"errors": {{told.Code, told.Message}}}) // the client may be gone
}

// allow refuses a method that a path does not have.
func allow(w http.ResponseWriter, methods ...string) error {
	w.Header().Set("Allow", strings.Join(methods, ", "))
	return refuse(http.StatusMethodNotAllowed, "UNSUPPORTED", "only %s can be done here", strings.Join(methods, ", "))
}

func writeJSON(w http.ResponseWriter, r *http.Request, mediaType string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(raw) // the client may be gone
	}
	return nil
}
