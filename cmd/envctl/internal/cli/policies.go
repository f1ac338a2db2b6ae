package cli

import (
	"fmt"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/policies"
)

// judge applies the policies in force: what is worth a warning, and an error where
// they refuse the definition.
func judge(d *definition.Definition) (warnings []string, err error) {
	findings := policies.Evaluate(policies.Input{Definition: d})
	for _, f := range findings {
		if f.Severity == policies.Warning {
			warnings = append(warnings, f.String())
		}
	}
	return warnings, policies.Denied(findings)
}

// applyPolicies adds to the report what the policies in force say of d.
func applyPolicies(report output.Check, d *definition.Definition) (output.Document, error) {
	findings := policies.Evaluate(policies.Input{Definition: d})
	for _, f := range findings {
		switch {
		case f.Severity == policies.Deny:
			report.Problems = append(report.Problems, policyProblem(report.File, f))
		case f.Severity == policies.Warning:
			report.Warnings = append(report.Warnings, f.String())
		default:
			report.Notes = append(report.Notes, policyProblem(report.File, f))
		}
	}
	err := policies.Denied(findings)
	if err != nil {
		report.Result = output.CheckRefused
	}
	return report, err
}

func policyProblem(file string, f policies.Finding) output.Problem {
	q := output.Problem{File: file, Path: f.Path, Rule: f.Rule, Message: f.Message, Hint: f.Hint}
	if f.Waived != "" {
		q.Message, q.Hint = f.Message+" (waived: "+f.Waived+")", ""
	}
	return q
}

// describeDenied tells every finding of a refusal.
func describeDenied(denied *policies.DeniedError, f *output.Failure) {
	f.Code, f.Status, f.Path, f.Hint = denied.Code(), statusRefused, denied.Path(), denied.Hint()
	one := policyProblem("", denied.Findings[0])
	one.Hint = ""
	f.Message = "refused by policy: " + one.String()
	if len(denied.Findings) > 1 {
		f.Message = fmt.Sprintf("refused by policy on %d counts", len(denied.Findings))
	}
	for _, finding := range denied.Findings {
		f.Problems = append(f.Problems, policyProblem("", finding))
	}
}
