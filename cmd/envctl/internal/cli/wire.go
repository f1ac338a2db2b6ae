package cli

import (
	"context"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/components/definition"
)

// realServices builds the clients of this program. It is the only place that does.
func realServices() Services {
	notHere := &problem{code: "unsupported", status: statusUsage,
		message: "unsupported: this build operates no stacks", hint: "envctl check, init, schema and doctor work"}
	return Services{
		Operations:  func(context.Context, Settings) (Operations, error) { return nil, notHere },
		Views:       func(context.Context, Settings) (Views, error) { return nil, notHere },
		Workloads:   func(context.Context, Settings) (Workloads, error) { return nil, notHere },
		Unsupported: func(string, *definition.Definition) []definition.Problem { return nil },
		Probes:      realProbes,
	}
}

func realProbes(s Settings) doctor.Probes {
	return doctor.Probes{}
}
