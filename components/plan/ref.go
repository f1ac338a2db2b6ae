package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// digest is a SHA-256 digest as OCI writes it.
var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// CheckRef says whether ref names an image by its content: name@sha256:… or the
// bare image ID sha256:…. A tag is refused, beside a digest too, because it says
// nothing that stays true.
func CheckRef(ref string) error {
	if digest.MatchString(ref) {
		return nil
	}
	repository, sum, found := strings.Cut(ref, "@")
	if !found {
		return fmt.Errorf("image %q is named by a tag, which can move: name it by digest, NAME@sha256:… or the image ID sha256:…", ref)
	}
	if !digest.MatchString(sum) {
		return fmt.Errorf("image %q has the digest %q: expected sha256: and 64 hexadecimal digits in lower case", ref, sum)
	}
	if _, err := name.NewRepository(repository); err != nil {
		return fmt.Errorf("image %q: %q is not a repository without a tag: write NAME@sha256:…", ref, repository)
	}
	return nil
}
