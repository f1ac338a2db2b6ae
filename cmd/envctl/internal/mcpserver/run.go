package mcpserver

import (
	"context"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/local/box"
)

type runIn struct {
	Language string   `json:"language,omitempty" jsonschema:"of the code: python, javascript, typescript, bash, ruby, perl, php, r or julia"`
	Code     string   `json:"code,omitempty" jsonschema:"the script"`
	Args     []string `json:"args,omitempty" jsonschema:"arguments of the script"`
	Packages []string `json:"packages,omitempty" jsonschema:"packages that the script needs, as pandas==2.2"`
	Image    string   `json:"image,omitempty" jsonschema:"an allowed image; default: the language's"`
	Command  []string `json:"command,omitempty" jsonschema:"what to run instead of a script; needs image"`
	Stdin    string   `json:"stdin,omitempty" jsonschema:"what the program reads, at most 1 MiB"`
	limits
	Files          []inlineFile `json:"files,omitempty" jsonschema:"files to write to /workspace first"`
	TimeoutSeconds int64        `json:"timeout_seconds,omitempty" jsonschema:"time limit; default 600"`
}

// lingering is how long the box of a run that took longer than a call stays after
// the program's time limit, for its results to be fetched.
const lingering = 10 * time.Minute

// argv is what is run, and the script as a file.
func (s *server) argv(in runIn) ([]string, []inlineFile, error) {
	switch {
	case len(in.Command) > 0 && in.Code != "":
		return nil, nil, &failure{what: "both code and command were given", why: "a run is of one of them", mend: "leave one out"}
	case len(in.Command) > 0:
		return in.Command, in.Files, nil
	case in.Code == "":
		return nil, nil, &failure{what: "there is nothing to run", why: "neither code nor command was given", mend: "give language and code, or image and command"}
	case in.Language == "":
		return nil, nil, &failure{what: "the language of the code was not given", why: "it decides what runs the code", mend: "give language, as python"}
	}
	l, extension, err := s.Policy.language(in.Language)
	if err != nil {
		return nil, nil, err
	}
	script := inlineFile{Path: box.Work + "/main" + extension, Content: in.Code}
	argv := append(append(append([]string{}, l.Command...), script.Path), in.Args...)
	return argv, append([]inlineFile{script}, in.Files...), nil
}

// packages returns what puts the packages of a run on top of its image, and has its
// command find them; nil: there are none.
func (s *server) packages(ctx context.Context, in runIn, c *box.Command) func(string) (string, error) {
	if len(in.Packages) == 0 {
		return nil
	}
	return func(image string) (out string, err error) {
		l, _, err := s.Policy.language(in.Language)
		if err != nil {
			return "", err
		}
		out, c.Env, err = s.Images.WithPackages(ctx, image, l.Packages, in.Packages)
		return out, err
	}
}

// run makes a box, runs one program in it and removes it; a box whose program runs
// on stays until its deadline.
func (s *server) run(ctx context.Context, r *mcp.CallToolRequest, in runIn) (answer[execOut], error) {
	argv, files, err := s.argv(in)
	if err != nil {
		return answer[execOut]{}, err
	}
	command := execIn{Command: argv, Stdin: in.Stdin, TimeoutSeconds: in.TimeoutSeconds}
	c, err := command.command()
	if err != nil {
		return answer[execOut]{}, err
	}
	if in.TTLSeconds == 0 {
		in.TTLSeconds = int64(min(c.Timeout+lingering, s.Policy.TTL) / time.Second)
	}
	b, err := s.make(ctx, in.Image, in.Language, in.limits, s.packages(ctx, in, &c))
	if err != nil {
		return answer[execOut]{}, err
	}
	if err := s.writeAll(ctx, b.ID, files); err != nil {
		s.drop(ctx, b.ID)
		return answer[execOut]{}, err
	}
	p, err := s.Boxes.Start(ctx, b.ID, c)
	if err != nil {
		s.drop(ctx, b.ID)
		return answer[execOut]{}, err
	}
	s.await(ctx, r, p, Patience)
	a := s.result(b, p, 0, 0)
	if p.Ended() && a.kept() {
		a.text += "The box stays until its deadline, for the rest of the output; destroy removes it.\n"
		return a, nil
	}
	if p.Ended() {
		s.drop(ctx, b.ID)
		a.text += "The box was removed.\n"
	}
	return a, nil
}

// kept says that there is more to read than the answer has.
func (a answer[Out]) kept() bool { return len(a.links) > 0 }
