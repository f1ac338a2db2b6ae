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
		rows = append(rows, identity(d), variables(d))
	}
	if r, ok := egress(d); ok {
		rows = append(rows, r)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Models)) {
		rows = append(rows, model(name, d))
	}
	if len(d.Secrets) > 0 {
		rows = append(rows, secrets())
	}
	if d.Budget != nil {
		rows = append(rows, budget(*d.Budget, usesModels(d)))
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
		r.Differences = append(r.Differences, "locally the experiment has a ground of its own in the place of the platform's, which others share")
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
		r.Azure += ", " + j.Outputs + " on a file share"
		r.Differences = append(r.Differences, fmt.Sprintf(
			"in %s on Azure, names that differ only in case are one file, links cannot be made, files are not executable, and one run at a time brings it back", j.Outputs))
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
	return r
}

// identity is there locally where something asks for tokens: only models do.
func identity(d *definition.Definition) Row {
	r := Row{Component: "identity", Local: "none", Azure: "user-assigned managed identity an app, least privilege"}
	if !usesModels(d) {
		r.Differences = []string{"IDENTITY_ENDPOINT, IDENTITY_HEADER and AZURE_CLIENT_ID are set on Azure only: nothing here uses a model, and locally nothing else asks for tokens"}
		return r
	}
	r.Local = "the gateway's token service, one identity a workload"
	r.Differences = []string{"local tokens open this experiment's models and nothing of Azure's; a token for another resource is refused at once locally, and by the resource on Azure"}
	return r
}

func usesModels(d *definition.Definition) bool {
	for _, a := range d.Apps {
		if len(a.Models) > 0 {
			return true
		}
	}
	for _, j := range d.Jobs {
		if len(j.Models) > 0 {
			return true
		}
	}
	return false
}

func variables(d *definition.Definition) Row {
	const both = "CONTAINER_APP_*, ENVCTL_*, NAME_URL"
	r := Row{Component: "variables", Local: both, Azure: both, Differences: []string{"ENVCTL_TARGET is local here and azure there"}}
	if usesModels(d) {
		r.Local, r.Azure = both+", IDENTITY_*, AZURE_*, OPENAI_*", both+", IDENTITY_*, AZURE_*, OPENAI_*"
		r.Differences = append(r.Differences, "SSL_CERT_DIR and NODE_EXTRA_CA_CERTS are set locally, and by the simulator of Azure, only: the models' address has a certificate of the sandbox's own there")
	}
	if usesEgress(d) {
		r.Differences = append(r.Differences, "HTTP_PROXY, HTTPS_PROXY and NO_PROXY are set locally only: a firewall on Azure needs no variables")
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
		list := strings.Join(slices.Sorted(maps.Keys(hosts)), ", ")
		r.Local, r.Azure = "the gateway's proxy with "+list, "a firewall with "+list
		r.Differences = append(r.Differences, "locally a program reaches its hosts through the proxy that HTTPS_PROXY names and each workload has its own list; on Azure it connects to them itself, and all workloads share one list")
	}
	return r, true
}

func usesEgress(d *definition.Definition) bool {
	for _, a := range d.Apps {
		if len(a.Egress) > 0 {
			return true
		}
	}
	for _, j := range d.Jobs {
		if len(j.Egress) > 0 {
			return true
		}
	}
	return false
}

func model(name string, d *definition.Definition) Row {
	m := d.Models[name]
	r := Row{Component: "model " + name, Local: "none", Azure: fmt.Sprintf("AI services account, deployment of %s (%s)", m.Model, m.SKU)}
	if d.Platform != "" {
		r.Azure = fmt.Sprintf("deployment of %s in the account of platform %q", m.Model, d.Platform)
	}
	switch l := d.Targets.Local; {
	case d.Kind == definition.KindPlatform:
	case l == nil || l.Models == nil:
		r.Differences = []string{"nothing says which server answers for it locally (targets.local.models): up refuses it there"}
	default:
		server := l.Models.Provider
		if l.Models.URL != "" {
			server += " at " + l.Models.URL
		}
		r.Local = "the gateway, and behind it " + server
		r.Differences = []string{"the same protocol and names; what answers locally is another server, whose words and limits are its own"}
	}
	return r
}

func secrets() Row {
	return Row{Component: "secrets", Local: "variables of the container", Azure: "Container Apps secrets",
		Differences: []string{"who may inspect the container locally sees the value; on Azure who may list the secrets of the app"}}
}

func budget(b definition.Budget, metered bool) Row {
	r := Row{Component: "budget", Local: "none", Azure: fmt.Sprintf("Consumption budget of %v %s, %v %%", b.Amount, b.Currency, b.Alerts)}
	if !metered {
		r.Differences = []string{"nothing costs anything locally, and nothing is counted: there are no models"}
	} else {
		r.Local = fmt.Sprintf("meter of the models: %v %s, %v %%", b.Amount, b.Currency, b.Alerts)
		r.Differences = []string{"locally the tokens of models are counted at list prices, as they are used; Azure counts everything that is billed"}
	}
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
