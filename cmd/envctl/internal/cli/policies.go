package cli

import (
	"errors"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

// applyPolicies adds to the report what the policies in force say of d.
func applyPolicies(report output.Check, d *definition.Definition) (output.Document, error) {
	warnings, err := judge(d)
	report.Warnings = append(report.Warnings, warnings...)
	if err == nil {
		return report, nil
	}
	report.Result = output.CheckInvalid
	var g graded
	if errors.As(err, &g) && g.ExitStatus() == statusRefused {
		report.Result = output.CheckRefused
	}
	report.Problems = append(report.Problems, describe(err, false).Problems...)
	return report, err
}
