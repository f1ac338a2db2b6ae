package runner

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/run"
)

// Target is the value of the label dev.envctl.target on everything that runs for
// the simulator.
const Target = "azure-simulated"

// The labels of every object, as those of a local sandbox.
const (
	LabelExperiment = "dev.envctl.experiment"
	LabelInstance   = "dev.envctl.instance"
	LabelTarget     = "dev.envctl.target"
	LabelComponent  = "dev.envctl.component"
	LabelKind       = "dev.envctl.kind" // app, job, init, gateway, network
)

// The labels that only this package reads.
const (
	labelScope       = "dev.envctl.azure.simulator"   // whose it is
	labelID          = "dev.envctl.azure.id"          // of the app or job
	labelEnvironment = "dev.envctl.azure.environment" // id of the managed environment
	labelRevision    = "dev.envctl.azure.revision"
	labelSpec        = "dev.envctl.azure.spec"      // hash of what was asked for
	labelReplicas    = "dev.envctl.azure.replicas"  // that were asked for
	labelReplica     = "dev.envctl.azure.replica"   // its name
	labelEdge        = "dev.envctl.azure.edge"      // JSON: what the gateway does for the app
	labelPorts       = "dev.envctl.azure.ports"     // JSON, of a gateway: port of this machine by app
	labelExecution   = "dev.envctl.azure.execution" // of a job
	labelServices    = "dev.envctl.azure.services"  // servicesIdentity or servicesModels, of who asks and of its gateway
	labelTimeout     = "dev.envctl.azure.timeout"   // of the execution, as time.Duration
	labelOutputs     = "dev.envctl.azure.outputs"   // folder of the container whose content is kept
	labelFolder      = "dev.envctl.azure.folder"    // where on this machine
)

const (
	kindApp     = run.App
	kindJob     = run.Job
	kindInit    = "init"
	kindGateway = "gateway"
	kindNetwork = "network"
	kindTrust   = "trust"
)

// repositories is where images are named: REPOSITORIES/EXPERIMENT.INSTANCE.SCOPE/NAME.HASH.
const repositories = "envctl-azure"

// place is a managed environment on this engine.
type place struct {
	id     string            // of the managed environment
	key    string            // unique part of names
	labels map[string]string // of its network and gateway
	// address is the gateway's on the network, once that is there.
	address netip.Addr
}

// network is the name of the environment's network, with which every name of its
// containers begins.
func (p place) network() string { return "envctl-azure." + p.key }

// trust is the volume with what signed the gateway's certificates.
func (p place) trust() string { return p.network() + ".trust" }

func (p place) container(name string, rest ...string) string {
	return strings.Join(append([]string{p.network(), name}, rest...), ".")
}

// environment is the place of a managed environment, owned by whoever has tags.
func (r *Runner) environment(id string, tags map[string]string) place {
	return place{
		id: id, key: clean(last(id)) + "." + short(r.scope+" "+id),
		labels: with(r.owned(tags), labelEnvironment, id),
	}
}

// owned are the labels of everything that belongs to an experiment here.
func (r *Runner) owned(tags map[string]string) map[string]string {
	out := map[string]string{LabelTarget: Target, labelScope: r.scope}
	for _, name := range []string{LabelExperiment, LabelInstance} {
		if value := tags[name]; value != "" {
			out[name] = value
		}
	}
	return out
}

// mine chooses what this simulator made, by more labels in pairs.
func (r *Runner) mine(more ...string) map[string]string {
	return with(map[string]string{LabelTarget: Target, labelScope: r.scope}, more...)
}

// with returns labels and more, which are names and values in turn.
func with(labels map[string]string, more ...string) map[string]string {
	out := maps.Clone(labels)
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// repository is where the images of an app or job are named.
func (r *Runner) repository(id string, tags map[string]string) string {
	owner := strings.Join([]string{clean(tags[LabelExperiment]), clean(tags[LabelInstance]), r.scope}, ".")
	return repositories + "/" + owner + "/" + r.repositoryName(id)
}

// repositoryName is the part of a repository's name that is known from the id.
func (r *Runner) repositoryName(id string) string {
	return clean(last(id)) + "." + short(r.scope+" "+id)
}

// repositoriesOf is a pattern for the repositories of an instance, or with empty
// names of all, that have a name.
func (r *Runner) repositoriesOf(experiment, instance, name string) string {
	owner := "*"
	if experiment != "" {
		owner = clean(experiment) + "." + clean(instance)
	}
	return repositories + "/" + owner + "." + r.scope + "/" + name
}

// gatewayOwner is whose an environment's gateway image is, in the words of package
// gateway.
func (r *Runner) gatewayOwner(p place) string { return "azure." + r.scope + "." + p.key }

// last is the last segment of an id.
func last(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// clean makes a name that networks, containers and repositories may have.
func clean(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-"); name == "" {
		return "none"
	}
	for strings.Contains(name, "---") { // more than two are no name of a repository
		name = strings.ReplaceAll(name, "---", "--")
	}
	return name
}

// isEnvironment says whether an id is that of a managed environment.
func isEnvironment(id string) bool {
	return strings.Contains(strings.ToLower(id), "/managedenvironments/")
}

// index is a replica's number, from its container's name.
func index(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndexByte(name, '.')+1:])
	if err != nil {
		return 0
	}
	return n
}
