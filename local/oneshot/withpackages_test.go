package oneshot_test

import (
	"context"
	"io"
	"testing"

	"github.com/envctl/envctl/local/oneshot"
)

// baseOnly has an image and builds nothing.
type baseOnly struct {
	oneshot.Runner
	t *testing.T
}

func (baseOnly) Image(context.Context, string) (oneshot.Image, error) {
	return oneshot.Image{Ref: "sha256:0", User: "1000"}, nil
}

func (b baseOnly) Run(_ context.Context, p oneshot.Program, _ oneshot.Streams) (oneshot.Ended, error) {
	b.t.Errorf("a build step ran: %q", p.Command)
	return oneshot.Ended{}, io.ErrUnexpectedEOF
}

// A name that a shell or a package manager would read as something else never
// comes to a build step.
func TestWithPackagesRefusesWhatIsNoName(t *testing.T) {
	t.Parallel()
	d := oneshot.Deps{Runner: baseOnly{t: t}, Dir: t.TempDir()}
	for _, tt := range [][2]string{
		{"pip", "--index-url=http://127.0.0.1"}, {"pip", "-r /etc/passwd"}, {"pip", "x @ file:///etc"},
		{"npm", "x'; id; '"}, {"npm", "--registry=http://127.0.0.1"}, {"npm", "git+ssh://evil.example/x"}, {"npm", "../x"},
		{"", "pandas"}, {"gem", "rails"},
	} {
		if image, _, err := oneshot.WithPackages(t.Context(), d, "base", tt[0], []string{tt[1]}); err == nil {
			t.Errorf("%s %q: %+v", tt[0], tt[1], image)
		}
	}
}
