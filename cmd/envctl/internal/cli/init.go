package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/cmd/envctl/internal/starter"
	"github.com/envctl/envctl/components/definition"
)

type initOptions struct {
	from  string
	force bool
}

func newInit(p *program) *cobra.Command {
	var o initOptions
	cmd := uses(&cobra.Command{
		Use:   "init",
		Short: "write an envctl.yaml to begin with",
		Long: `Write envctl.yaml in the current folder, from a Dockerfile or from nothing, and beside it
the schema that editors complete by. Nothing is written over without --force. The
experiment is called as the folder, or as --experiment says.`,
		Example: `  envctl init
  envctl init --from build/Dockerfile -e csv-insights`,
		Args: exactly(),
		RunE: p.runs(func(context.Context, []string) (output.Document, error) { return runInit(p, o) }),
	}, "output", "experiment")
	cmd.Flags().StringVar(&o.from, "from", "", "begin from this `DOCKERFILE` (default: Dockerfile, where there is one)")
	cmd.Flags().BoolVar(&o.force, "force", false, "write over files that are there")
	return cmd
}

func runInit(p *program, o initOptions) (output.Document, error) {
	options, err := p.starterOptions(o)
	if err != nil {
		return nil, err
	}
	text := starter.Definition(options)
	if _, err := definition.Read(text, definition.ReadOptions{Dir: p.env.Dir}); err != nil {
		return nil, fmt.Errorf("what was made of %q is no valid definition: %w", options.Dockerfile, err)
	}
	schema, err := definition.Schema()
	if err != nil {
		return nil, err
	}
	names, contents := []string{definition.FileName, schemaFile}, [][]byte{text, schema}
	if !o.force {
		for _, name := range names { // before the first is written: both or none
			if _, err := os.Lstat(p.path(name)); err == nil {
				return nil, alreadyThere(name, nil)
			}
		}
	}
	for i, name := range names {
		write := createFile
		if o.force {
			write = replaceFile
		}
		if err := write(p.path(name), contents[i]); err != nil {
			return nil, err
		}
	}
	next := "envctl up"
	if options.Dockerfile == "" {
		next = "write a Dockerfile, then: envctl up"
	}
	return output.NewFiles("init", next, names...), nil
}

// starterOptions reads the Dockerfile that was named, or the one in the current
// folder.
func (p *program) starterOptions(o initOptions) (starter.Options, error) {
	s := starter.Options{Name: p.flags.experiment}
	if s.Name == "" {
		s.Name = starter.NameOf(filepath.Base(p.env.Dir))
	}
	name := o.from
	if name == "" {
		name = "Dockerfile"
		if _, err := os.Stat(p.path(name)); err != nil {
			return s, nil
		}
	}
	rel, err := filepath.Rel(p.env.Dir, p.path(name))
	if err != nil || !filepath.IsLocal(rel) {
		return s, usage("envctl -C FOLDER init, with the folder that has the Dockerfile",
			"--from %q is outside %q, where the definition goes", name, p.env.Dir)
	}
	f, err := os.Open(p.path(name))
	if err != nil {
		u := usage("envctl init --from DOCKERFILE", "cannot read %q: %s", name, cause(err))
		u.code, u.path = "unreadable", name
		return s, u
	}
	defer func() { _ = f.Close() }() // it was only read
	s.Image, err = starter.ReadDockerfile(f)
	if err != nil {
		u := usage("envctl init without --from begins from nothing", "%q is no Dockerfile: %s", name, cause(err))
		u.code, u.path = "dockerfile", name
		return s, u
	}
	s.Dockerfile = filepath.ToSlash(rel)
	return s, nil
}
