package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

// schemaFile is where init puts the schema, beside the definition that names it.
const schemaFile = "envctl.schema.json"

type schemaOptions struct{ write string }

func newSchema(p *program) *cobra.Command {
	var o schemaOptions
	cmd := uses(&cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema of the definition",
		Long: `Print the JSON Schema of envctl.yaml, or write it to a file. Editors complete and check a
definition that begins with
  # yaml-language-server: $schema=./envctl.schema.json`,
		Example: "  envctl schema\n  envctl schema -w envctl.schema.json",
		Args:    exactly(),
		RunE:    p.runs(func(context.Context, []string) (output.Document, error) { return runSchema(p, o) }),
	}, "output")
	cmd.Flags().StringVarP(&o.write, "write", "w", "", "write it to `FILE`, over what is there")
	return cmd
}

func runSchema(p *program, o schemaOptions) (output.Document, error) {
	schema, err := definition.Schema()
	if err != nil {
		return nil, err
	}
	if o.write == "" {
		return output.Verbatim(schema), nil
	}
	if err := replaceFile(p.path(o.write), schema); err != nil {
		return nil, err
	}
	return output.NewFiles("schema", "", o.write), nil
}
