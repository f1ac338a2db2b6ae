package registry

import (
	_ "crypto/sha256" // the algorithms that digests may have
	_ "crypto/sha512"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/envctl/envctl/components/lazyregexp"
)

// The limits of names. The specification has none for repositories; clients and
// the Azure Container Registry take up to 255 bytes.
const maxName = 255

// As in the distribution specification.
var (
	nameRule = lazyregexp.New(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagRule  = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

func checkName(name string) error {
	if len(name) > maxName || !nameRule().MatchString(name) {
		return invalidName(name)
	}
	return nil
}

func checkTag(tag string) error {
	if !tagRule().MatchString(tag) {
		return refuse(http.StatusBadRequest, "TAG_INVALID",
			"%s is no tag: use up to 128 of letters, digits, . _ and -, beginning with a letter, digit or _", quoted(tag))
	}
	return nil
}

// parseDigest takes the digests that the store can verify: sha256 and sha512. Its
// parts are safe as names of files.
func parseDigest(s string) (digest.Digest, error) {
	d := digest.Digest(s)
	if err := d.Validate(); err != nil || d.Algorithm() == digest.SHA384 {
		return "", refuse(http.StatusBadRequest, "DIGEST_INVALID",
			"%s is no digest: it has to be sha256: with 64 or sha512: with 128 hex digits in lower case", quoted(s))
	}
	return d, nil
}

// isDigest tells a reference by digest from a tag, which holds no colon.
func isDigest(reference string) bool {
	for _, c := range reference {
		if c == ':' {
			return true
		}
	}
	return false
}
