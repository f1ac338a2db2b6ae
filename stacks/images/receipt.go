package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ReceiptType is the type of the artifact that a [Receipt] is.
const ReceiptType = "application/vnd.envctl.receipt.v1+json"

// The annotations of a receipt, beside when it was made.
const (
	noteExperiment = "dev.envctl.experiment"
	noteInstance   = "dev.envctl.instance"
)

// maxReceipt is the most bytes of a receipt that is read.
const maxReceipt = 1 << 20

// Receipt says what was promoted. It refers to the image, in its registry, and stays
// with it.
type Receipt struct {
	Digest     string // of the artifact; set by [Receipts]
	Experiment string
	Instance   string
	At         time.Time // in whole seconds
	Content    []byte    // JSON
}

// PutReceipt gives an image of a registry a receipt and returns the receipt's
// digest. The same receipt again changes nothing. A registry without the referrers
// API has it by the specification's tag scheme.
func PutReceipt(ctx context.Context, at Place, image string, r Receipt) (string, error) {
	return putReceipt(ctx, at, image, r, defaultPatience())
}

func putReceipt(ctx context.Context, at Place, image string, r Receipt, p patience) (string, error) {
	s, err := newSession(ctx, at, p, true)
	if err != nil {
		return "", err
	}
	d, err := s.putReceipt(ctx, image, r)
	if err != nil {
		return "", fmt.Errorf("leave a receipt at %s: %w", at.Ref(image), err)
	}
	return d, nil
}

func (s *session) putReceipt(ctx context.Context, image string, r Receipt) (string, error) {
	mediaType, raw, err := s.manifest(ctx, image)
	if err != nil {
		return "", err
	}
	if !json.Valid(r.Content) || len(r.Content) > maxReceipt {
		return "", fmt.Errorf("%d bytes are no receipt: it is JSON of at most %d bytes", len(r.Content), maxReceipt)
	}
	subject := ocispec.Descriptor{MediaType: mediaType, Digest: digest.Digest(image), Size: int64(len(raw))}
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: ReceiptType,
		Config:  ocispec.DescriptorEmptyJSON,
		Layers:  []ocispec.Descriptor{{MediaType: ReceiptType, Digest: digest.FromBytes(r.Content), Size: int64(len(r.Content))}},
		Subject: &subject,
		Annotations: map[string]string{
			ocispec.AnnotationCreated: r.At.UTC().Format(time.RFC3339), noteExperiment: r.Experiment, noteInstance: r.Instance,
		},
	}
	for _, content := range []string{"{}", string(r.Content)} {
		if err := s.putSmall(ctx, content); err != nil {
			return "", err
		}
	}
	raw, err = json.Marshal(manifest)
	if err != nil {
		return "", err
	}
	d := digest.FromBytes(raw)
	answer, err := s.do(ctx, request{
		method: http.MethodPut, url: s.url("manifests/" + d.String()), body: string(raw),
		header: http.Header{"Content-Type": {manifest.MediaType}}, expect: []int{http.StatusCreated},
	})
	if err != nil {
		return "", err
	}
	_ = answer.Body.Close()
	if answer.Header.Get("OCI-Subject") == "" { // it does not know what refers to what
		err = s.addReferrer(ctx, image, ocispec.Descriptor{
			MediaType: manifest.MediaType, Digest: d, Size: int64(len(raw)), ArtifactType: ReceiptType, Annotations: manifest.Annotations,
		})
	}
	return d.String(), err
}

// putSmall gives the registry a blob that fits into one request.
func (s *session) putSmall(ctx context.Context, content string) error {
	b := ocispec.Descriptor{Digest: digest.FromString(content), Size: int64(len(content))}
	has, err := s.head(ctx, "blobs/"+b.Digest.String())
	if err != nil || has.digest != "" {
		return err
	}
	at, err := s.begin(ctx)
	if err != nil {
		return err
	}
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	query := u.Query()
	query.Set("digest", b.Digest.String())
	u.RawQuery = query.Encode()
	answer, err := s.do(ctx, request{
		method: http.MethodPut, url: u.String(), body: content,
		header: http.Header{"Content-Type": {"application/octet-stream"}}, expect: []int{http.StatusCreated},
	})
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// referrersTag is the tag of the index of what refers to a digest, in a registry
// without the referrers API (distribution specification 1.1).
func referrersTag(image string) string { return strings.Replace(image, ":", "-", 1) }

// addReferrer adds to that index. Two that add at once can lose one of the two, so
// who adds looks again.
func (s *session) addReferrer(ctx context.Context, image string, d ocispec.Descriptor) error {
	for range s.patience.tries {
		list, err := s.fallback(ctx, image)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, func(other ocispec.Descriptor) bool { return other.Digest == d.Digest }) {
			return nil
		}
		raw, err := json.Marshal(ocispec.Index{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: append(list, d),
		})
		if err != nil {
			return err
		}
		if err := s.putManifest(ctx, referrersTag(image), ocispec.MediaTypeImageIndex, raw); err != nil {
			return err
		}
	}
	return fmt.Errorf("others change the list of what refers to %s all the time", image)
}

// fallback is what refers to a digest by the tag scheme.
func (s *session) fallback(ctx context.Context, image string) ([]ocispec.Descriptor, error) {
	list, _, err := s.index(ctx, s.url("manifests/"+referrersTag(image)))
	if statusOf(err) == http.StatusNotFound {
		return nil, nil
	}
	return list, err
}

var nextLink = regexp.MustCompile(`<([^>]*)>; *rel="?next"?`)

// index reads a list of manifests, and where it goes on.
func (s *session) index(ctx context.Context, address string) (list []ocispec.Descriptor, next string, err error) {
	answer, err := s.do(ctx, request{method: http.MethodGet, url: address, header: accept(), expect: []int{http.StatusOK}})
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	var index ocispec.Index
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxManifest)).Decode(&index); err != nil {
		return nil, "", fmt.Errorf("%s is no list of manifests: %w", redact(address), err)
	}
	if link := nextLink.FindStringSubmatch(answer.Header.Get("Link")); link != nil {
		at, err := answer.Request.URL.Parse(link[1])
		if err != nil {
			return nil, "", err
		}
		next = at.String()
	}
	return index.Manifests, next, nil
}

// referrers lists what refers to a digest.
func (s *session) referrers(ctx context.Context, image string) ([]ocispec.Descriptor, error) {
	const pages = 100
	var all []ocispec.Descriptor
	next := s.url("referrers/" + image + "?" + url.Values{"artifactType": {ReceiptType}}.Encode())
	for range pages {
		list, more, err := s.index(ctx, next)
		if statusOf(err) == http.StatusNotFound {
			return s.fallback(ctx, image)
		}
		all = append(all, list...)
		if err != nil || more == "" {
			return all, err
		}
		next = more
	}
	return nil, fmt.Errorf("more than %d pages of what refers to %s", pages, image)
}

// Receipts returns the receipts of an image, the oldest first.
func Receipts(ctx context.Context, at Place, image string) ([]Receipt, error) {
	return receipts(ctx, at, image, defaultPatience())
}

func receipts(ctx context.Context, at Place, image string, p patience) ([]Receipt, error) {
	s, err := newSession(ctx, at, p, false)
	if err != nil {
		return nil, err
	}
	list, err := s.referrers(ctx, image)
	if err != nil {
		return nil, err
	}
	var out []Receipt
	for _, d := range list {
		if d.ArtifactType != ReceiptType {
			continue // a registry may leave the choice to who asks
		}
		r, err := s.receipt(ctx, d.Digest.String())
		if err != nil {
			return nil, fmt.Errorf("the receipt %s: %w", at.Ref(d.Digest.String()), err)
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Receipt) int { return a.At.Compare(b.At) })
	return out, nil
}

func (s *session) receipt(ctx context.Context, d string) (Receipt, error) {
	_, raw, err := s.manifest(ctx, d)
	if err != nil {
		return Receipt{}, err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return Receipt{}, err
	}
	if len(manifest.Layers) != 1 || manifest.Layers[0].Size > maxReceipt || manifest.Layers[0].Digest.Validate() != nil {
		return Receipt{}, fmt.Errorf("it has %d layers; a receipt has one of at most %d bytes", len(manifest.Layers), maxReceipt)
	}
	layer := manifest.Layers[0]
	body, err := s.open(ctx, layer, 0)
	if err != nil {
		return Receipt{}, err
	}
	raw, err = io.ReadAll(io.LimitReader(body, maxReceipt))
	if err = errors.Join(err, body.Close()); err != nil {
		return Receipt{}, err
	}
	if layer.Digest.Algorithm().FromBytes(raw) != layer.Digest {
		return Receipt{}, errors.New("its content has another digest")
	}
	at, err := time.Parse(time.RFC3339, manifest.Annotations[ocispec.AnnotationCreated])
	return Receipt{
		Digest: d, Experiment: manifest.Annotations[noteExperiment], Instance: manifest.Annotations[noteInstance], At: at, Content: raw,
	}, err
}
