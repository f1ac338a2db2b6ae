package engine

import (
	"context"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/authhelpers"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"

	"github.com/envctl/envctl/stacks/internal/folder"
)

// openURL is how a state store is opened, by Pulumi too: a folder by a driver of ours,
// which a kill or a full disk does not make write half a state, and S3 with the
// parameters that Go CDK has.
func openURL(store string) string {
	u, err := url.Parse(store)
	if err != nil {
		return store
	}
	switch u.Scheme {
	case "file":
		return folder.URL(u.Path)
	case s3blob.Scheme:
		u.RawQuery = s3Query(u.Query()).Encode()
		return u.String()
	}
	return store
}

// s3Query is what Pulumi makes of the parameters that its documentation has for stores
// other than Amazon's, which are of an older SDK
// (https://www.pulumi.com/docs/iac/concepts/state-and-backends/#s3).
func s3Query(q url.Values) url.Values {
	if plain := q.Get("disableSSL"); plain != "" {
		q.Del("disableSSL")
		q.Set("disable_https", plain)
	}
	endpoint := q.Get("endpoint")
	if endpoint == "" {
		return q
	}
	if !strings.Contains(endpoint, "://") {
		scheme := "https://"
		if plain, err := strconv.ParseBool(q.Get("disable_https")); err == nil && plain {
			scheme = "http://"
		}
		q.Set("endpoint", scheme+endpoint)
	}
	// Some of them refuse the checksums that the newer SDK adds.
	const checksums = "request_checksum_calculation"
	if q.Get(checksums) == "" && os.Getenv("AWS_REQUEST_CHECKSUM_CALCULATION") == "" {
		q.Set(checksums, "when_required")
	}
	return q
}

// openBucket opens the state store as Pulumi's backend does: with the same credentials,
// and a path of the URL is a folder for file:// and a prefix for the others.
func openBucket(ctx context.Context, backendURL string) (*blob.Bucket, error) {
	at := openURL(backendURL)
	u, err := url.Parse(at)
	if err != nil {
		return nil, &BackendError{URL: backendURL, Err: err}
	}
	opener, err := opener(ctx, u.Scheme)
	if err != nil {
		return nil, &BackendError{URL: backendURL, Err: err}
	}
	bucket, err := opener.OpenBucket(ctx, at)
	if err != nil {
		return nil, &BackendError{URL: backendURL, Err: err}
	}
	if prefix := strings.Trim(u.Path, "/"); u.Scheme != "file" && prefix != "" {
		return blob.PrefixedBucket(bucket, prefix+"/"), nil
	}
	return bucket, nil
}

// opener is Pulumi's for a scheme: Google's knows GOOGLE_CREDENTIALS and
// GOOGLE_OAUTH_ACCESS_TOKEN too, and Azure's takes a SAS token with a domain of the URL.
func opener(ctx context.Context, scheme string) (*blob.URLMux, error) {
	switch scheme {
	case gcsblob.Scheme:
		return authhelpers.GoogleCredentialsMux(ctx)
	case azureblob.Scheme:
		mux := &blob.URLMux{}
		mux.RegisterBucket(azureblob.Scheme, &azureblob.URLOpener{
			MakeClient: azureblob.NewDefaultClient, ServiceURLOptions: *azureblob.NewDefaultServiceURLOptions(),
		})
		return mux, nil
	}
	return blob.DefaultURLMux(), nil
}
