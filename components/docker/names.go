package docker

import (
	"time"

	"github.com/envctl/envctl/components/plan"
)

// The labels that every object of an experiment carries. They are the truth
// about what belongs to it: clean-up goes by them and needs no state.
const (
	LabelExperiment = "dev.envctl.experiment"
	LabelInstance   = "dev.envctl.instance"
	LabelTarget     = "dev.envctl.target"
	LabelComponent  = "dev.envctl.component" // name of the app or job, or "gateway"
	LabelKind       = "dev.envctl.kind"      // app, job, run, box, gateway, network, image, trust, volume, expiry
	LabelExpires    = "dev.envctl.expires"   // RFC 3339; absent, or Never: never
	LabelPlan       = "dev.envctl.plan"      // hash of the workload's part of the plan
)

// Never is the value of [LabelExpires] of what was made to expire and is not to
// any more.
const Never = "never"

// KindExpiry is the kind of an empty volume that says when an experiment expires.
// The labels of containers and networks can't be changed, so its [LabelExpires]
// counts and not theirs. Of several the one with the latest [LabelSet] does.
const (
	KindExpiry = "expiry"
	LabelSet   = "dev.envctl.set" // when it was made, RFC 3339 with nanoseconds
)

// Target is the name of this target.
const Target = "local"

// Gateway is the component name of the gateway's container; no app may have it.
const Gateway = "gateway"

// Owner is what names of an instance's objects begin with. Neither part can
// hold a dot, so two instances never share a name.
func Owner(experiment, instance string) string { return experiment + "." + instance }

// NetworkName is the name of the network between the containers of an instance.
func NetworkName(experiment, instance string) string { return "envctl." + Owner(experiment, instance) }

// ContainerName is the name of the container of an app, a job or the gateway.
func ContainerName(experiment, instance, component string) string {
	return NetworkName(experiment, instance) + "." + component
}

// TrustName is the name of the volume with the certificate authority of an
// instance's models.
func TrustName(experiment, instance string) string {
	return NetworkName(experiment, instance) + ".trust"
}

// Labels are those of any object of an instance; kind and component may be empty.
func Labels(spec plan.Spec, kind, component string) map[string]string {
	out := Selector(spec.Experiment, spec.Instance)
	if kind != "" {
		out[LabelKind] = kind
	}
	if component != "" {
		out[LabelComponent] = component
	}
	if !spec.Expires.IsZero() {
		out[LabelExpires] = spec.Expires.UTC().Format(time.RFC3339)
	}
	return out
}

// ContainerLabels are those of a container. It has an image, whose label would say when
// the experiment expires where the container has none.
func ContainerLabels(spec plan.Spec, kind, component string) map[string]string {
	out := Labels(spec, kind, component)
	if out[LabelExpires] == "" {
		out[LabelExpires] = Never
	}
	return out
}

// Selector are the labels that all objects of an instance have in common.
func Selector(experiment, instance string) map[string]string {
	return map[string]string{LabelExperiment: experiment, LabelInstance: instance, LabelTarget: Target}
}
