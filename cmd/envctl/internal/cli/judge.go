package cli

import "github.com/envctl/envctl/components/definition"

// judge applies the policies in force.
func judge(*definition.Definition) ([]string, error) { return nil, nil }
