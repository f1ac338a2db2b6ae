package armsim

import "github.com/envctl/envctl/components/azure/armsim/run"

// Runner runs simulated apps and jobs as real containers; see [run.Runner].
type Runner = run.Runner

// What a Runner is given and answers; see package run for each.
type (
	RunSpec      = run.Spec
	RunContainer = run.Container
	RunStatus    = run.Status
	RunReplica   = run.Replica
	RunExecution = run.Execution
	RunIO        = run.IO
)
