package azure

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/envctl/envctl/components/azure/steward/duty"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// Unsupported lists what the definition asks for and Azure cannot honour: it is
// refused and never ignored. It asks nobody.
func Unsupported(def *definition.Definition) []definition.Problem {
	c := &collector{def: def}
	c.platform()
	c.egress()
	for _, name := range slices.Sorted(maps.Keys(def.Apps)) {
		c.workload("apps."+name, def.Apps[name].Workload)
	}
	for _, name := range slices.Sorted(maps.Keys(def.Jobs)) {
		c.workload("jobs."+name, def.Jobs[name].Workload)
		for _, mode := range []string{duty.Expire, duty.Stop} {
			if name == "envctl-"+mode {
				c.add("jobs."+name, "envctl's own job has that name", "rename the job")
			}
		}
	}
	if e := def.Environment; e != nil && e.Network != "" {
		c.network("environment.network", e.Network)
	}
	return c.problems
}

type collector struct {
	def      *definition.Definition
	problems []definition.Problem
}

func (c *collector) add(path, why, instead string) {
	c.problems = append(c.problems, definition.Problem{
		Path: path, Message: "unsupported: " + path + " on azure: " + why, Hint: instead,
	})
}

// platform refuses what belongs to the other kind of definition.
func (c *collector) platform() {
	def := c.def
	if def.Platform != "" {
		c.shared()
	}
	if def.Kind != definition.KindPlatform {
		return
	}
	if def.Budget != nil && def.Budget.OnExceeded == definition.OnExceededStop {
		c.add("budget.onExceeded", "a Platform runs no apps that could be stopped",
			"use alert here, and stop in the definitions of the experiments")
	}
	if a := def.Targets.Azure; a != nil && a.Egress == firewall {
		c.add("targets.azure.egress", "a Platform has no egress lists that a firewall could enforce",
			"leave it out: experiments with egress need a network of their own")
	}
}

// What a model has where the definition says nothing of it, by [definition.Model].
const (
	defaultSKU      = "GlobalStandard"
	defaultCapacity = 10
)

// shared refuses what an experiment asks of a model that its platform deployed. Which
// model it is may be said, and is compared ([Ground.Fit]).
func (c *collector) shared() {
	for _, name := range slices.Sorted(maps.Keys(c.def.Models)) {
		m := c.def.Models[name]
		for key, asked := range map[string]bool{
			"sku": m.SKU != defaultSKU, "capacity": m.Capacity != defaultCapacity,
		} {
			if asked {
				c.add("models."+name+"."+key, fmt.Sprintf("the model is of platform %q, which settles that", c.def.Platform),
					"leave "+key+" out: its place is the platform's definition")
			}
		}
	}
}

const firewall = "firewall"

// egress refuses lists that nothing would enforce. A firewall tells the network's
// apps from the world, but not one app from another.
func (c *collector) egress() {
	lists := map[string]string{} // the sorted list by path
	for name, a := range c.def.Apps {
		lists["apps."+name] = joined(a.Egress)
	}
	for name, j := range c.def.Jobs {
		lists["jobs."+name] = joined(j.Egress)
	}
	a := c.def.Targets.Azure
	guarded := a != nil && a.Egress == firewall
	paths := slices.Sorted(maps.Keys(lists))
	with := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return lists[path] == "" })
	for _, path := range with {
		switch {
		case c.def.Platform != "":
			c.add(path+".egress", fmt.Sprintf("the network of platform %q lets nothing out", c.def.Platform),
				"leave platform out and set targets.azure.egress to firewall: the experiment then has a network of its own")
		case !guarded:
			c.add(path+".egress", "a network security group knows no host names, so nothing would hold the app to its list",
				"set targets.azure.egress to firewall (an Azure Firewall costs about 30 USD a day), or leave egress out")
		}
	}
	if len(with) == 0 || c.def.Platform != "" || !guarded {
		return
	}
	for _, path := range paths {
		if lists[path] != lists[with[0]] {
			c.add(path+".egress", fmt.Sprintf("it differs from %s.egress, and the firewall cannot tell the two apart", with[0]),
				fmt.Sprintf("give every app and job the same list (%s), or make two experiments of them", lists[with[0]]))
		}
	}
}

func joined(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (c *collector) workload(path string, w definition.Workload) {
	if limit := ephemeral(w.CPU); int64(w.Scratch) > limit {
		c.add(path+".scratch", fmt.Sprintf("a container with %v cores has %dGi of disk there", w.CPU, limit/gib),
			fmt.Sprintf("ask for %dGi at most, or for more cpu", limit/gib))
	}
}

// ephemeral is the disk that a container has, by its cores: Microsoft's article
// "Use storage mounts in Azure Container Apps".
func ephemeral(cpu float64) int64 {
	switch {
	case cpu <= 0.25:
		return 1 * gib
	case cpu <= 0.5:
		return 2 * gib
	case cpu <= 1:
		return 4 * gib
	}
	return 8 * gib
}

// network refuses what overlaps the ranges that Container Apps use themselves.
func (c *collector) network(path, network string) {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		return // the reader has said so
	}
	for _, taken := range []string{"172.30.0.0/15", "100.100.0.0/16", "169.254.0.0/16", "192.0.2.0/24"} {
		if prefix.Overlaps(netip.MustParsePrefix(taken)) {
			c.add(path, fmt.Sprintf("%s overlaps %s, which Container Apps keep for themselves", network, taken),
				"take another private range, as "+defaultNetwork)
		}
	}
}

// WrongUser says that an image runs as somebody else than the workload asks for:
// Container Apps have no setting for it, so the image itself has to name the user.
// imageUser is the USER of the image's configuration.
func WrongUser(w plan.Workload, imageUser string) (definition.Problem, bool) {
	user, _, _ := strings.Cut(imageUser, ":")
	want := strconv.FormatInt(w.User, 10)
	if user == want || user == "nonroot" && w.User == plan.DefaultUser {
		return definition.Problem{}, false
	}
	if user == "" {
		user = "root"
	}
	path := w.Kind + "s." + w.Name + ".user"
	return definition.Problem{
		Path: path,
		Message: fmt.Sprintf("unsupported: %s on azure: Container Apps run an image as its own user, which is %s and not %s",
			path, user, want),
		Hint: "write USER " + want + " at the end of its Dockerfile",
	}, true
}
