package provider

import (
	"errors"
	"strings"

	"github.com/moby/moby/api/types/container"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/values"
)

// notReadyKey holds in the state why a container did not come up. A refresh
// would otherwise forget it, and the next update would find nothing to do.
const notReadyKey = "__notReady"

// notReady is what a container that exists and did not come up is answered
// with: the state keeps it, and the next update goes on from here.
func notReady(inputs, outputs property.Map, err error) (property.Map, *p.InitializationFailed, error) {
	if text := redact(err.Error(), inputs); text != err.Error() {
		err = errors.New(text)
	}
	outputs = outputs.Set(notReadyKey, property.New(err.Error()))
	return outputs, &p.InitializationFailed{Reasons: []string{err.Error()}}, err
}

// stillNotReady says why a running container that has to be ready is not known
// to be; empty: nothing speaks against it. One that does not run is drift.
func stillNotReady(in containerInputs, state property.Map, live container.InspectResponse) string {
	if !in.Wait || !live.State.Running || live.State.Paused {
		return ""
	}
	if h := live.State.Health; h != nil && h.Status == container.Unhealthy {
		return "the health check fails" + lastProbe(h)
	}
	if v := state.Get(notReadyKey); v.IsString() {
		return v.AsString()
	}
	return ""
}

// redact takes the secrets among inputs out of text, which may hold a log: of a
// variable NAME=VALUE its value.
func redact(text string, inputs property.Map) string {
	return values.Redact(text, inputs, func(secret string) string {
		if _, value, isEnv := strings.Cut(secret, "="); isEnv {
			return value
		}
		return secret
	})
}
