package definition

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// checker holds a decoded definition against the rules that need more than one
// value: which keys go together, and what names refer to.
type checker struct {
	*decoder
	def *Definition
}

// Unexpressed lists the rules that Read holds and a JSON Schema cannot express:
// a document that breaks only these is accepted by the schema.
func Unexpressed() []string {
	return []string{
		"secrets, models and needs of a workload, and targets.local.models.names, refer to what the definition has (models may be the platform's)",
		"needs refers to an app with ingress, and apps do not need each other in a circle",
		"an app and a job do not have the same name",
		"a variable is set once: in env, in secrets, or by envctl for one of needs and models",
		"an address or endpoint variable that needs or models bring is none of the platform's own",
		"two of files do not have the same destination, and none is hidden by scratch or outputs",
		"scale.max is at least scale.min",
		"durations and sizes are within their ranges",
		"a range in a cron expression does not fall, and its steps fit the field",
		"an image's repository name is at most 255 characters",
		"environment.network has no bits beyond its prefix and is a private range",
		"what the caller's environment puts in place of ${NAME}: that it is set, and that the result keeps the key's rule",
		"no duplicate keys, one document, UTF-8, and the bounds of size, depth and aliases",
	}
}

// given says whether a key is written in the file.
func (c *checker) given(path string) bool { _, ok := c.at[path]; return ok }

// clean says that nothing was wrong with the value at a path so far.
func (c *checker) clean(path string) bool {
	return !c.broken[path] && !slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Path == path })
}

// mistyped says that a key of the document is unknown: it may have been meant for
// one that is missing.
func (c *checker) mistyped() bool {
	return slices.ContainsFunc(c.problems, func(p Problem) bool {
		return p.Message == unknownKey && !strings.Contains(p.Path, ".")
	})
}

// key and val report a problem at the key or at the value of a path. A key that
// is not written is reported where its nearest parent is.
func (c *checker) key(path, message, hint string) {
	c.problem(c.nearest(path).key, path, message, hint)
}

func (c *checker) val(path, message, hint string) {
	c.problem(c.nearest(path).value, path, message, hint)
}

func (c *checker) nearest(path string) place {
	for path != "" {
		if at, ok := c.at[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return place{position{1, 1}, position{1, 1}}
}

func (c *checker) document() {
	if c.clean("kind") {
		c.kind()
	}
	for _, name := range sorted(c.def.Apps) {
		c.app(name)
	}
	for _, name := range sorted(c.def.Jobs) {
		c.job(name)
	}
	c.circles()
	for _, name := range sorted(c.def.Secrets) {
		c.secret(childPath("secrets", name), c.def.Secrets[name])
	}
	if local := c.def.Targets.Local; local != nil && local.Models != nil {
		c.localModels("targets.local.models", *local.Models)
	}
	if environment := c.def.Environment; environment != nil && environment.Network != "" {
		c.network("environment.network", environment.Network)
	}
}

// experimentKeys and platformKeys are the top-level keys that only one kind has.
func experimentKeys() []string { return []string{"platform", "ttl", "apps", "jobs", "waive"} }
func platformKeys() []string   { return []string{"registry", "environment", "policies"} }

func (c *checker) kind() {
	foreign, hint := platformKeys(), "it belongs in a definition of kind Platform"
	if c.def.Kind == KindPlatform {
		foreign, hint = experimentKeys(), "it belongs in a definition of kind Experiment"
	}
	for _, key := range foreign {
		if c.given(key) {
			c.key(key, fmt.Sprintf("a definition of kind %s has no %s", c.def.Kind, key), hint)
		}
	}
	nothing := len(c.def.Apps)+len(c.def.Jobs)+len(c.def.Models) == 0
	if c.def.Kind == KindExperiment && nothing && c.clean("apps") && c.clean("jobs") && c.clean("models") && !c.mistyped() {
		c.problem(position{1, 1}, "", "the experiment has no apps, no jobs and no models", "add an app: envctl init writes one to start from")
	}
}

func (c *checker) secret(path string, s Secret) {
	given := 0
	for _, key := range []string{"env", "file", "generate"} {
		if c.given(path + "." + key) {
			given++
		}
	}
	unknown := slices.ContainsFunc(c.problems, func(p Problem) bool { return strings.HasPrefix(p.Path, path+".") })
	switch {
	case !c.clean(path):
	case given == 0 && !unknown:
		c.key(path, "has no source", "give one of env, file and generate")
	case given > 1:
		c.key(path, fmt.Sprintf("has %d sources; a secret has exactly one", given), "keep one of env, file and generate")
	}
}

// localModels holds the keys against what each provider takes.
func (c *checker) localModels(path string, m LocalModels) {
	type rule struct{ needs, refuses []string }
	rules := map[string]rule{
		"openai": {refuses: []string{"file"}},
		"azure":  {needs: []string{"url"}, refuses: []string{"file"}},
		"replay": {needs: []string{"file"}},
		"echo":   {refuses: []string{"url", "file"}},
	}[m.Provider]
	value := map[string]string{"url": m.URL, "file": m.File}
	for _, key := range rules.needs {
		if value[key] == "" && c.clean(path+"."+key) {
			c.key(path+"."+key, fmt.Sprintf("is missing: the provider %q needs it", m.Provider), "add it")
		}
	}
	for _, key := range rules.refuses {
		if value[key] != "" {
			c.key(path+"."+key, fmt.Sprintf("the provider %q has no %s", m.Provider, key), "remove it")
		}
	}
	for _, name := range sorted(m.Names) {
		c.model(childPath(path+".names", name), name)
	}
}

// model reports a name that is no model of the definition. A shared platform
// may have it, so nothing is known then.
func (c *checker) model(path, name string) {
	if _, ok := c.def.Models[name]; !ok && c.def.Platform == "" && c.clean(path) && c.clean("platform") {
		c.key(path, fmt.Sprintf("there is no model %q", name), orKnown(name, "models", sorted(c.def.Models)))
	}
}

func (c *checker) network(path, network string) {
	prefix, err := netip.ParsePrefix(network)
	if err != nil || !c.clean(path) {
		return // the rule of the key has said so
	}
	switch {
	case prefix.Masked() != prefix:
		c.val(path, fmt.Sprintf("%q has bits beyond its prefix", network), fmt.Sprintf("did you mean %q?", prefix.Masked()))
	case !prefix.Addr().IsPrivate():
		c.val(path, fmt.Sprintf("%q is not a private range", network), "take one in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
	}
}

// orKnown suggests the nearest of the names that are there, or lists them.
func orKnown(word, where string, known []string) string {
	if hint := didYouMean(word, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return "add it under " + where
	}
	const most = 10
	if len(known) > most {
		return "add it under " + where
	}
	return "add it under " + where + ", which has " + strings.Join(known, ", ")
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
