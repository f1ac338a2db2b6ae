package registry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
)

func (h *handler) blobs(w http.ResponseWriter, r *http.Request, at route) error {
	d, err := parseDigest(at.last)
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		f, _, err := h.store.OpenBlob(at.repository, d)
		if err != nil {
			return err
		}
		defer f.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Docker-Content-Digest", d.String())
		w.Header().Set("ETag", strconv.Quote(d.String()))
		http.ServeContent(w, r, "", time.Time{}, f)
		return nil
	case http.MethodDelete:
		if err := h.store.DeleteBlob(r.Context(), at.repository, d); err != nil {
			return err
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	return allow(w, http.MethodGet, http.MethodHead, http.MethodDelete)
}

func (h *handler) uploads(w http.ResponseWriter, r *http.Request, at route) error {
	if at.last == "" {
		if r.Method != http.MethodPost {
			return allow(w, http.MethodPost)
		}
		return h.newUpload(w, r, at.repository)
	}
	release, err := h.store.Hold(r.Context())
	if err != nil {
		return err
	}
	defer release()
	u, err := h.store.openUpload(r.Context(), at.repository, at.last)
	if err != nil {
		return err
	}
	defer u.close()
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		u.tell(w, at)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPatch:
		if err := u.take(w, r, at); err != nil {
			return err
		}
		u.tell(w, at)
		w.WriteHeader(http.StatusAccepted)
		return nil
	case http.MethodPut:
		return h.finishUpload(w, r, at, u)
	case http.MethodDelete:
		if err := remove(u.file.Name()); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return allow(w, http.MethodGet, http.MethodPatch, http.MethodPut, http.MethodDelete)
}

// newUpload begins an upload, takes a blob in one request (with digest), or mounts
// one of another repository (with mount).
func (h *handler) newUpload(w http.ResponseWriter, r *http.Request, repository string) error {
	query := r.URL.Query()
	if mount := query.Get("mount"); mount != "" {
		d, err := parseDigest(mount)
		if err != nil {
			return err
		}
		done, err := h.mount(r, repository, query.Get("from"), d)
		if done {
			created(w, repository, "blobs", d)
		}
		if done || err != nil {
			return err
		}
	}
	if whole := query.Get("digest"); whole != "" {
		d, err := parseDigest(whole)
		if err != nil {
			return err
		}
		if _, _, err := h.store.PutBlob(r.Context(), repository, r.Body, d); err != nil {
			return broken(r, err)
		}
		created(w, repository, "blobs", d)
		return nil
	}
	release, err := h.store.Hold(r.Context())
	if err != nil {
		return err
	}
	defer release()
	id, err := h.store.startUpload(repository)
	if err != nil {
		return err
	}
	(&upload{}).tell(w, route{repository, "uploads", id})
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// mount says whether the blob could be mounted; where it could not, an ordinary
// upload begins. Without a source any repository will do, unless who asks has to
// be allowed to read it.
func (h *handler) mount(r *http.Request, repository, from string, d digest.Digest) (bool, error) {
	if h.options.Authorize != nil && (from == "" || h.options.Authorize(r, from, false) != nil) {
		return false, nil
	}
	if from != "" && checkName(from) != nil {
		return false, checkName(from)
	}
	err := h.store.Mount(r.Context(), repository, from, d)
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// take appends a chunk, which has to begin where the upload ends.
func (u *upload) take(w http.ResponseWriter, r *http.Request, at route) error {
	header := r.Header.Get("Content-Range")
	if header == "" {
		return broken(r, u.add(r.Body))
	}
	first, last, err := parseChunk(header)
	if err != nil {
		return err
	}
	if first != u.size || r.ContentLength >= 0 && r.ContentLength != last-first+1 {
		u.tell(w, at)
		return refuse(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID",
			"the chunk has bytes %d to %d and a length of %d; the upload goes on at %d", first, last, r.ContentLength, u.size)
	}
	return broken(r, u.add(http.MaxBytesReader(w, r.Body, last-first+1)))
}

// broken tells of a body that could not be read to its end.
func broken(r *http.Request, err error) error {
	if err != nil && r.Context().Err() == nil && isBodyError(err) {
		return refuse(http.StatusBadRequest, "SIZE_INVALID", "the body ends too early: %v", err)
	}
	return err
}

// tell says how far an upload is.
func (u *upload) tell(w http.ResponseWriter, at route) {
	w.Header().Set("Location", "/v2/"+at.repository+"/blobs/uploads/"+at.last)
	w.Header().Set("Docker-Upload-UUID", at.last)
	w.Header().Set("Range", "0-"+strconv.FormatInt(max(u.size-1, 0), 10))
}

func (h *handler) finishUpload(w http.ResponseWriter, r *http.Request, at route, u *upload) error {
	d, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	if err := u.take(w, r, at); err != nil {
		return err
	}
	if err := u.finish(h.store, at.repository, d); err != nil {
		return err
	}
	created(w, at.repository, "blobs", d)
	return nil
}

func created(w http.ResponseWriter, repository, kind string, d digest.Digest) {
	w.Header().Set("Location", "/v2/"+repository+"/"+kind+"/"+d.String())
	w.Header().Set("Docker-Content-Digest", d.String())
	w.WriteHeader(http.StatusCreated)
}
