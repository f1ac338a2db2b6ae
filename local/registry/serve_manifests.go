package registry

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func isBodyError(err error) bool {
	var tooLarge *http.MaxBytesError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &tooLarge)
}

func (h *handler) manifests(w http.ResponseWriter, r *http.Request, at route) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		m, err := h.store.Resolve(at.repository, at.last)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", m.MediaType)
		w.Header().Set("Content-Length", strconv.Itoa(len(m.Raw)))
		w.Header().Set("Docker-Content-Digest", m.Digest.String())
		w.Header().Set("ETag", strconv.Quote(m.Digest.String()))
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodGet {
			_, _ = w.Write(m.Raw) // the client may be gone
		}
		return nil
	case http.MethodPut:
		return h.putManifest(w, r, at)
	case http.MethodDelete:
		return h.deleteManifest(w, r, at)
	}
	return allow(w, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete)
}

func (h *handler) putManifest(w http.ResponseWriter, r *http.Request, at route) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", "a manifest has at most %d bytes", maxManifest)
	}
	if err != nil {
		return broken(r, err)
	}
	mediaType := r.Header.Get("Content-Type")
	tags := r.URL.Query()["tag"] // of a manifest that is pushed by digest
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return err
		}
	}
	d, err := h.store.putManifest(r.Context(), at.repository, at.last, mediaType, raw, h.options.ImmutableTags)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if err := h.store.tag(r.Context(), at.repository, tag, d, h.options.ImmutableTags); err != nil {
			return err
		}
		w.Header().Add("OCI-Tag", tag)
	}
	if c, err := ParseManifest(mediaType, raw); err == nil && c.Subject != nil {
		w.Header().Set("OCI-Subject", c.Subject.Digest.String())
	}
	created(w, at.repository, "manifests", d)
	return nil
}

func (h *handler) deleteManifest(w http.ResponseWriter, r *http.Request, at route) error {
	var err error
	if isDigest(at.last) {
		var d digest.Digest
		if d, err = parseDigest(at.last); err == nil {
			err = h.store.DeleteManifest(r.Context(), at.repository, d)
		}
	} else {
		err = h.store.DeleteTag(r.Context(), at.repository, at.last)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (h *handler) referrers(w http.ResponseWriter, r *http.Request, at route) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return allow(w, http.MethodGet, http.MethodHead)
	}
	d, err := parseDigest(at.last)
	if err != nil {
		return err
	}
	artifactType := r.URL.Query().Get("artifactType")
	found, err := h.store.Referrers(at.repository, d, artifactType)
	if err != nil {
		return err
	}
	if artifactType != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	return writeJSON(w, r, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: found,
	})
}

func (h *handler) tags(w http.ResponseWriter, r *http.Request, at route) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return allow(w, http.MethodGet, http.MethodHead)
	}
	tags, err := h.store.Tags(at.repository)
	if err != nil {
		return err
	}
	if len(tags) == 0 {
		manifests, err := h.store.Manifests(at.repository)
		if err != nil {
			return err
		}
		if len(manifests) == 0 {
			return refuse(http.StatusNotFound, "NAME_UNKNOWN", "there is no repository %q", at.repository)
		}
	}
	tags, err = page(w, r, tags)
	if err != nil {
		return err
	}
	return writeJSON(w, r, "application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{at.repository, tags})
}

func (h *handler) catalog(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return allow(w, http.MethodGet, http.MethodHead)
	}
	names, err := h.store.Repositories()
	if err != nil {
		return err
	}
	names, err = page(w, r, names)
	if err != nil {
		return err
	}
	return writeJSON(w, r, "application/json", map[string][]string{"repositories": names})
}

// page is the part of a sorted list that is asked for by n and last. What follows
// is told of by Link.
func page(w http.ResponseWriter, r *http.Request, names []string) ([]string, error) {
	query := r.URL.Query()
	if last := query.Get("last"); last != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return name <= last })
	}
	if names == nil {
		names = []string{}
	}
	if !query.Has("n") {
		return names, nil
	}
	n, err := strconv.Atoi(query.Get("n"))
	if err != nil || n < 0 {
		return nil, refuse(http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n is %s; expected a number from 0 up", quoted(query.Get("n")))
	}
	if n >= len(names) {
		return names, nil
	}
	if names = names[:n]; n > 0 {
		query.Set("last", names[n-1])
		w.Header().Set("Link", "<"+r.URL.Path+"?"+query.Encode()+`>; rel="next"`)
	}
	return names, nil
}
