package azure

import (
	"math"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/plan"
)

// Bounds that Container Apps has for probes.
const (
	maxPeriod   = 240 // seconds
	maxFailures = 10
)

// probes are those of an app with a health check: it has the grace to start, and
// then is taken out of traffic and started anew after so many failures.
func probes(w plan.Workload) app.ContainerAppProbeArray {
	if w.Health == nil || w.Ingress == nil {
		return nil
	}
	h := *w.Health
	period, failures := startup(h)
	return app.ContainerAppProbeArray{
		probe("Startup", w, period, failures),
		probe("Liveness", w, seconds(h.Interval), h.Retries),
		probe("Readiness", w, seconds(h.Interval), h.Retries),
	}
}

// startup spreads the grace over as many checks as there may be, so that together
// they last at least as long.
func startup(h plan.Health) (period, failures int) {
	period = seconds(min(h.Interval, max(h.Grace, 1)))
	failures = max(h.Retries, int(math.Ceil(h.Grace/float64(period))))
	if failures > maxFailures {
		period, failures = seconds(h.Grace/maxFailures), maxFailures
	}
	return period, failures
}

func probe(kind string, w plan.Workload, period, failures int) app.ContainerAppProbeArgs {
	return app.ContainerAppProbeArgs{
		Type: pulumi.String(kind),
		HttpGet: app.ContainerAppProbeHttpGetArgs{
			Path: pulumi.String(w.Health.Path), Port: pulumi.Int(w.Ingress.Port), Scheme: pulumi.String("HTTP"),
		},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(seconds(w.Health.Timeout)),
		FailureThreshold: pulumi.Int(failures),
		SuccessThreshold: pulumi.Int(1),
	}
}

// seconds is a whole number of seconds that a probe may have.
func seconds(s float64) int { return min(max(1, int(math.Ceil(s))), maxPeriod) }
