package mcpserver

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/local/box"
)

// inlineFile is a file that comes with a call.
type inlineFile struct {
	Path       string `json:"path" jsonschema:"path in /workspace, as data/in.csv"`
	Content    string `json:"content" jsonschema:"the content, at most 8 MiB"`
	Encoding   string `json:"encoding,omitempty" jsonschema:"utf-8 (default) or base64"`
	Executable bool   `json:"executable,omitempty"`
}

func (f inlineFile) bytes() ([]byte, error) {
	switch f.Encoding {
	case "", "utf-8":
		return []byte(f.Content), nil
	case "base64":
		out, err := base64.StdEncoding.DecodeString(f.Content)
		if err != nil {
			return nil, &failure{what: fmt.Sprintf("the content of %q is not base64", f.Path), why: err.Error(), mend: "encode it with padding, or give it as utf-8"}
		}
		return out, nil
	}
	return nil, badEncoding(f.Encoding)
}

func badEncoding(given string) error {
	return &failure{what: fmt.Sprintf("encoding %q is not known", given), why: "the encodings are utf-8 and base64", mend: "use one of them"}
}

func (s *server) writeAll(ctx context.Context, id string, files []inlineFile) error {
	for _, f := range files {
		content, err := f.bytes()
		if err != nil {
			return err
		}
		if err := s.Boxes.Write(ctx, id, f.Path, content, f.Executable); err != nil {
			return err
		}
	}
	return nil
}

type createIn struct {
	Image    string `json:"image,omitempty" jsonschema:"an allowed image; else give language"`
	Language string `json:"language,omitempty" jsonschema:"python, javascript, typescript, bash, ruby, perl, php, r or julia"`
	limits
	Files []inlineFile `json:"files,omitempty" jsonschema:"files to begin with"`
}

type boxOut struct {
	Account
	Image    string   `json:"image"`
	Running  bool     `json:"running"`
	Programs int      `json:"programs" jsonschema:"commands that run now"`
	MemoryMB int64    `json:"memory_mb"`
	CPU      float64  `json:"cpu"`
	Network  string   `json:"network" jsonschema:"always none"`
	Work     string   `json:"work" jsonschema:"the folder for files"`
	Models   []string `json:"models" jsonschema:"models that programs may call"`
}

func boxOf(b box.Box, f funds) boxOut {
	return boxOut{
		Account: f.of(b), Image: b.Image, Running: b.Running, Programs: b.Programs,
		MemoryMB: b.Memory >> 20, CPU: b.CPU, Network: "none", Work: box.Work,
		Models: append([]string{}, b.Models...),
	}
}

func (b boxOut) inWords() string {
	state := "running"
	if !b.Running {
		state = "stopped"
	}
	models := ""
	if len(b.Models) > 0 {
		models = " but models " + strings.Join(b.Models, ", ")
	}
	return fmt.Sprintf("%s, %s, image %s, %d MiB, %v cores, no network%s, %d commands run", b.Account.inWords(), state,
		clean(b.Image), b.MemoryMB, b.CPU, models, b.Programs)
}

func (s *server) create(ctx context.Context, _ *mcp.CallToolRequest, in createIn) (answer[boxOut], error) {
	b, err := s.make(ctx, in.Image, in.Language, in.limits, nil)
	if err != nil {
		return answer[boxOut]{}, err
	}
	if err := s.writeAll(ctx, b.ID, in.Files); err != nil {
		s.drop(ctx, b.ID)
		return answer[boxOut]{}, err
	}
	out := boxOf(b, s.funds())
	return answer[boxOut]{out: out, text: "created " + out.inWords()}, nil
}

// make makes a box of an image that the policy allows.
// Add, when not nil, puts something on top of it.
func (s *server) make(ctx context.Context, image, language string, l limits, add func(image string) (string, error)) (box.Box, error) {
	spec, err := s.Policy.spec(l)
	if err != nil {
		return box.Box{}, err
	}
	if spec.Ref, err = s.Policy.image(image, language); err != nil {
		return box.Box{}, err
	}
	if spec.Image, err = s.Images.Resolve(ctx, spec.Ref); err != nil {
		return box.Box{}, err
	}
	if add != nil {
		if spec.Image, err = add(spec.Image); err != nil {
			return box.Box{}, err
		}
	}
	if len(l.Models) > 0 {
		if spec.Services, err = s.Models.Services(l.Models); err != nil {
			return box.Box{}, err
		}
	}
	return s.Boxes.Create(ctx, spec)
}

// drop removes a box that is of no use any more.
func (s *server) drop(ctx context.Context, id string) {
	if _, err := s.Boxes.Destroy(context.WithoutCancel(ctx), id); err != nil {
		s.Log.Warn("a box was not removed; its deadline will", "box", id, "error", err.Error())
	}
}

type boxIn struct {
	Box string `json:"box" jsonschema:"the id of a box"`
}

func (s *server) status(ctx context.Context, _ *mcp.CallToolRequest, in boxIn) (answer[boxOut], error) {
	b, err := s.Boxes.Status(ctx, in.Box)
	if err != nil {
		return answer[boxOut]{}, err
	}
	out := boxOf(b, s.funds())
	return answer[boxOut]{out: out, text: out.inWords()}, nil
}

type listOut struct {
	Account
	Boxes []boxOut `json:"boxes" jsonschema:"the oldest first"`
	// Omitted is not 0 where there are more than an answer has room for.
	Omitted int `json:"omitted" jsonschema:"boxes that are left out here; status tells of each"`
}

func (s *server) list(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (answer[listOut], error) {
	list, err := s.Boxes.List(ctx)
	if err != nil {
		return answer[listOut]{}, err
	}
	return listAnswer(list, s.Policy.Isolation, s.funds()), nil
}

func listAnswer(list []box.Box, level string, f funds) answer[listOut] {
	return fit(func(limit int64) answer[listOut] { // of which a box has 64 bytes
		shown := list[:min(int64(len(list)), limit/64)]
		out := listOut{Account: f.general(level), Boxes: []boxOut{}, Omitted: len(list) - len(shown)}
		lines := []string{fmt.Sprintf("%d boxes", len(list)) + f.inWords}
		for _, b := range shown {
			one := boxOf(b, f)
			out.Boxes = append(out.Boxes, one)
			lines = append(lines, one.inWords())
		}
		if out.Omitted > 0 {
			lines = append(lines, fmt.Sprintf("%d more are left out", out.Omitted))
		}
		return answer[listOut]{out: out, text: strings.Join(lines, "\n")}
	})
}

type destroyOut struct {
	Account
	Destroyed bool `json:"destroyed" jsonschema:"false: it was gone already"`
}

func (s *server) destroy(ctx context.Context, _ *mcp.CallToolRequest, in boxIn) (answer[destroyOut], error) {
	gone, err := s.Boxes.Destroy(ctx, in.Box)
	if err != nil {
		return answer[destroyOut]{}, err
	}
	id, now := brief(in.Box), s.funds()
	text := "destroyed box " + id
	if !gone {
		text = "there is no box " + id + "; nothing was to be destroyed"
	}
	out := destroyOut{Account: now.general(s.Policy.Isolation), Destroyed: gone}
	out.Box = &id
	return answer[destroyOut]{out: out, text: text + now.inWords}, nil
}
