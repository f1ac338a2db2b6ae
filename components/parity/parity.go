// Package parity compares what a definition becomes on the two targets: each
// component, what it is locally, what it is on Azure, and every difference that
// remains. It is a function of the definition: nobody is asked.
package parity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/definition"
)

// Row is one component of a definition on both targets.
type Row struct {
	Component   string // registry, environment, app NAME, …
	Local       string // what it is on a Docker engine
	Azure       string // what it is on Azure
	Differences []string
}

// Of lists the components of a definition: the ground first, then apps, jobs, models
// and the rest, each kind by name. What a definition does not use is left out.
func Of(d *definition.Definition) []Row {
	rows := []Row{registry(d), environment(d)}
	for _, name := range slices.Sorted(maps.Keys(d.Apps)) {
		rows = append(rows, app(name, d.Apps[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Jobs)) {
		rows = append(rows, job(name, d.Jobs[name]))
	}
	if len(d.Apps)+len(d.Jobs) > 0 {
		rows = append(rows, identity(), variables(d))
	}
	if r, ok := egress(d); ok {
		rows = append(rows, r)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Models)) {
		rows = append(rows, model(name, d.Models[name]))
	}
	if len(d.Secrets) > 0 {
		rows = append(rows, secrets())
	}
	if d.Budget != nil {
		rows = append(rows, budget(*d.Budget))
	}
	if d.TTL > 0 {
		rows = append(rows, expiry())
	}
	return append(rows, logs())
}

func registry(d *definition.Definition) Row {
	r := Row{Component: "registry", Local: "OCI registry on 127.0.0.1", Azure: "Container Registry, admin user off",
		Differences: []string{"images are pulled by managed identity on Azure; the local engine has them already. The digests are the same"}}
	if d.Kind == definition.KindPlatform {
		r.Local, r.Differences = "none", []string{"a Platform is brought up on Azure only"}
	}
	if d.Platform != "" {
		r.Azure = fmt.Sprintf("the Container Registry of platform %q", d.Platform)
	}
	return r
}

func environment(d *definition.Definition) Row {
	r := Row{Component: "environment", Local: "internal bridge network and a gateway container",
		Azure: "Container Apps environment in a virtual network, Log Analytics"}
	r.Differences = append(r.Differences,
		"apps answer at http://127.0.0.1:PORT locally and at an https name of Container Apps on Azure")
	if d.Platform != "" {
		r.Azure = fmt.Sprintf("the environment of platform %q", d.Platform)
		r.Differences = append(r.Differences, "locally a platform is refused: the definition stands alone there")
	}
	if d.Kind == definition.KindPlatform {
		r.Local = "none"
	}
	return r
}

func app(name string, a definition.App) Row {
	r := Row{Component: "app " + name, Local: "hardened container", Azure: "Container App"}
	switch {
	case a.Scale.Max > 1:
		r.Differences = append(r.Differences, fmt.Sprintf("one replica locally, %d to %d on Azure", a.Scale.Min, a.Scale.Max))
	case a.Scale.Min == 0:
		if a.Ingress != nil {
			r.Differences = append(r.Differences, "it stops while nobody asks on Azure (scale.min 0) and runs on locally: the first answer takes longer there")
		}
	}
	if a.Ingress != nil && a.Ingress.Public {
		r.Differences = append(r.Differences, "the ingress of Azure ends a request after 240 s; the local gateway does not")
	}
	return container(r, a.Workload)
}

func job(name string, j definition.Job) Row {
	r := Row{Component: "job " + name, Local: "hardened container run to its end", Azure: "Container Apps job"}
	if j.Schedule != "" {
		r.Differences = append(r.Differences, "its schedule is kept on Azure; locally `envctl run "+name+"` starts it")
	}
	if j.Outputs != "" {
		r.Differences = append(r.Differences, fmt.Sprintf("`run --out` brings %s back locally; Container Apps has no way to", j.Outputs))
	}
	r.Differences = append(r.Differences, "its stderr arrives among its stdout on Azure")
	return container(r, j.Workload)
}

// container adds what is different of every container.
func container(r Row, w definition.Workload) Row {
	r.Differences = append(r.Differences,
		"locally the root file system is read-only, capabilities are dropped and system calls filtered; Container Apps isolates by its own means")
	r.Differences = append(r.Differences,
		"it runs as the definition's user locally, and as the image's own USER on Azure, where one that names another is refused")
	if w.Scratch > 0 {
		r.Differences = append(r.Differences, "/tmp is memory of a fixed size locally, and ephemeral storage on Azure")
	}
	if len(w.Models) > 0 {
		r.Differences = append(r.Differences, "it gets "+strings.Join(w.Models, ", ")+" on Azure; locally models are refused")
	}
	return r
}

func identity() Row {
	return Row{Component: "identity", Local: "none", Azure: "user-assigned managed identity an app, least privilege",
		Differences: []string{"IDENTITY_ENDPOINT, IDENTITY_HEADER and AZURE_CLIENT_ID are set on Azure only"}}
}

func variables(d *definition.Definition) Row {
	r := Row{Component: "variables", Local: "CONTAINER_APP_*, ENVCTL_*, NAME_URL", Azure: "CONTAINER_APP_*, ENVCTL_*, NAME_URL",
		Differences: []string{"ENVCTL_TARGET is local here and azure there"}}
	for _, a := range d.Apps {
		if len(a.Needs) > 0 {
			r.Differences = append(r.Differences, "addresses of needed apps are names of the environment on Azure, and of the network locally")
			break
		}
	}
	return r
}

// egress is there where anybody could want out: every workload.
func egress(d *definition.Definition) (Row, bool) {
	hosts := map[string]bool{}
	add := func(w definition.Workload) {
		for _, h := range w.Egress {
			hosts[h] = true
		}
	}
	for _, a := range d.Apps {
		add(a.Workload)
	}
	for _, j := range d.Jobs {
		add(j.Workload)
	}
	if len(d.Apps)+len(d.Jobs) == 0 {
		return Row{}, false
	}
	r := Row{Component: "egress", Local: "none: the network has no way out", Azure: "none: a security group lets out what the platform needs",
		Differences: []string{"what Container Apps itself needs (its registry, login, monitoring) can be reached from an app on Azure"}}
	if len(hosts) > 0 {
		r.Azure = "a firewall with " + strings.Join(slices.Sorted(maps.Keys(hosts)), ", ")
		r.Differences = append(r.Differences, "a list of hosts is refused locally: the gateway lets nothing out")
	}
	return r, true
}

func model(name string, m definition.Model) Row {
	return Row{Component: "model " + name, Local: "none", Azure: fmt.Sprintf("AI services account, deployment of %s (%s)", m.Model, m.SKU),
		Differences: []string{"there is no model gateway locally: a definition with models is refused there"}}
}

func secrets() Row {
	return Row{Component: "secrets", Local: "variables of the container", Azure: "Container Apps secrets",
		Differences: []string{"who may inspect the container locally sees the value; on Azure who may list the secrets of the app"}}
}

func budget(b definition.Budget) Row {
	r := Row{Component: "budget", Local: "none", Azure: fmt.Sprintf("Consumption budget of %v %s, %v %%", b.Amount, b.Currency, b.Alerts),
		Differences: []string{"nothing is billed locally, and nothing is counted"}}
	if b.OnExceeded == definition.OnExceededStop {
		r.Differences = append(r.Differences, "Azure stops the apps some hours after the money is spent: its figures are that late")
	}
	return r
}

func expiry() Row {
	return Row{Component: "expiry", Local: "label; `envctl gc` removes it", Azure: "tag; a scheduled job in the environment removes the resource group",
		Differences: []string{"on Azure it ends even if nobody runs envctl again; locally `envctl gc` has to run"}}
}

func logs() Row {
	return Row{Component: "logs", Local: "the engine's, of the container that runs", Azure: "log stream and Log Analytics",
		Differences: []string{"Log Analytics has a line some minutes late, and keeps it after the app is gone"}}
}
