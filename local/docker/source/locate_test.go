package source_test

import (
	"testing"

	"github.com/envctl/envctl/local/docker/source"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	const multi = `# syntax comment
ARG V=1
FROM golang:1 AS Build
WORKDIR /src
ENV A=1
COPY . .
RUN go build \
    -o /app
FROM scratch
COPY --from=build /app /app
FROM alpine
ADD x /x
`
	const single = "FROM scratch\nCOPY a /a\nRUN b\n"
	for _, c := range []struct {
		file, step, message string
		want                int
	}{
		{multi, "[build 1/4] FROM docker.io/library/golang:1@sha256:abc", "", 3},
		{multi, "[build 2/4] WORKDIR /src", "", 4},
		{multi, "[build 4/4] RUN go build     -o /app", "", 7},
		{multi, "[linux/amd64 build 4/4] RUN go build     -o /app", "", 7},
		{multi, "[stage-1 1/1] COPY --from=build /app /app", "", 10},
		{multi, "[stage-2 2/2] ADD x /x", "", 12},
		{multi, "[internal] load metadata for docker.io/library/golang:1", "", 3},
		{multi, "[internal] load metadata for docker.io/library/alpine:latest", "", 11},
		{multi, "[internal] load build context", "", 0},
		{multi, "[build 3/4] RUN something else", "", 0}, // the count and the instruction disagree
		{multi, "[build 9/9] RUN x", "", 7},              // triggers of the base image come first
		{multi, "[build 2/9] RUN trigger", "", 0},
		{multi, "[other 1/1] RUN x", "", 0},
		{single, "[1/2] COPY a /a", "", 2},
		{single, "[2/2] RUN b", "", 3},
		{single, "", "failed to solve: dockerfile parse error line 2: unknown instruction: COPPY", 2},
		{single, "", "dockerfile parse error on line 3: unknown flag: x", 3},
		{single, "", "something else", 0},
		{"", "[1/2] COPY a /a", "", 0},
	} {
		if got := source.Locate([]byte(c.file), c.step, c.message); got != c.want {
			t.Errorf("%q %q: line %d, want %d", c.step, c.message, got, c.want)
		}
	}
}
