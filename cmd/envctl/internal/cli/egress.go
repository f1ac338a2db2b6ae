package cli

import (
	"cmp"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// egressLine is what the gateway told as a line of the log.
func egressLine(e protocol.Event) output.LogLine {
	app := cmp.Or(e.App, "-") // nobody that is known
	canary := e.Event == protocol.EventCanary
	if canary {
		app = "gateway"
	}
	return output.NewEgressLine(e.Time, app, output.Egress{
		Host: e.Host, Allowed: e.Allowed, Reason: e.Reason, Count: max(1, e.Count), Canary: canary,
	})
}
