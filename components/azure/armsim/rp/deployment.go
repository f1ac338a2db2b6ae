package rp

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/models"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// deployment has fault rows 8 and 9.
func deployment() *Type {
	t := &Type{
		Name: deployments, Tree: "deployments", Versions: aiVersions()[2:], Put: Body, Delete: Location,
		Check: checkDeployment, Fill: fillDeployment, BusyError: parentBusy,
		// With its group it goes into the soft-deleted account, and its quota too.
		Gone: func(c *Call) {
			if c.WithGroup {
				softDelete(c)
			}
		},
	}
	t.Pattern, t.NameError = named(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$`, "InvalidResourceProperties",
		"The deployment name '%s' is invalid: it has 2 to 64 letters, digits, '-', '_' and '.', and begins with a letter or digit.")
	return t
}

func checkDeployment(c *Call) *answer.Error {
	parent := c.State.Get(c.Path.Parent().ID())
	if parent == nil {
		return answer.Errorf(http.StatusNotFound, "ParentResourceNotFound", "Failed to perform 'write' on resource(s) of type 'accounts/deployments', because the parent resource '%s' could not be found.", c.Path.Parent().ID())
	}
	for _, sibling := range append(c.State.Under(parent.ID), parent) {
		if op := c.State.Busy(sibling.ID); op != nil {
			return parentBusy(op, "")
		}
	}
	model := at(c.Body, "properties", "model")
	name, version, format := text(model, "name"), text(model, "version"), text(model, "format")
	if name == "" || format == "" {
		return invalid("InvalidResourceProperties", "The deployment '%s' needs properties.model with format and name.", c.Path.Name())
	}
	found, ok := models.Find(format, name, version)
	if !ok || !contains(found.Kinds, text(parent.Body, "kind")) {
		return invalid("DeploymentModelNotSupported", "The model 'Format: %s, Name: %s, Version: %s' of account deployment is not supported.", format, name, version)
	}
	region := models.Region(text(parent.Body, "location"))
	sku, ok := found.SKU(skuOf(c.Body), region)
	if !ok {
		return invalid("InvalidResourceProperties", "The specified SKU '%s' for model '%s %s' is not supported in this region '%s'.", skuOf(c.Body), found.Name, found.Version, region)
	}
	return c.checkQuota(region, sku)
}

func skuOf(body Object) string {
	if name := text(body, "sku", "name"); name != "" {
		return name
	}
	return "Standard"
}

func capacityOf(body Object) int {
	if n, ok := number(body, "sku", "capacity"); ok {
		return int(n)
	}
	return 1
}

// checkQuota answers as fault row 9: at once, with status 400.
func (c *Call) checkQuota(region string, sku models.SKU) *answer.Error {
	want := capacityOf(c.Body)
	if want < 1 || want > sku.Max {
		return invalid("InvalidCapacity", "The capacity should be between 1 and %d; it is %d.", sku.Max, want)
	}
	used := Used(c.State, region, sku.Usage)
	if c.Old != nil {
		used -= capacityOf(c.Old.Body)
	}
	limit := c.limit(region, sku)
	if used+want <= limit {
		return nil
	}
	return invalid("InsufficientQuota", "This operation require %d new capacity in quota %s, which is bigger than the current available capacity %d. The current quota usage is %d and the quota limit is %d for quota %s.", want, sku.Unit, max(limit-used, 0), used, limit, sku.Unit)
}

func (w *World) limit(region string, sku models.SKU) int {
	if n, ok := w.Quota[region+"/"+sku.Usage]; ok {
		return n
	}
	return sku.Quota
}

// Used is the quota ledger: what deployments of a region count against a usage.
// Those of a deleted account count until it is purged (row 6).
func Used(st *store.State, region, usage string) int {
	total := 0
	for _, d := range append(st.OfType(deployments), st.DeletedOfType(deployments)...) {
		id := strings.ToLower(d.ID)
		id = id[:strings.LastIndex(id, "/deployments/")]
		parent := st.Get(id)
		if parent == nil {
			parent = st.Deleted[id]
		}
		if parent == nil || models.Region(text(parent.Body, "location")) != region {
			continue
		}
		model, ok := models.Find(text(d.Body, "properties", "model", "format"), text(d.Body, "properties", "model", "name"), text(d.Body, "properties", "model", "version"))
		if !ok {
			continue
		}
		if sku, ok := model.SKU(skuOf(d.Body), region); ok && sku.Usage == usage {
			total += capacityOf(d.Body)
		}
	}
	return total
}

func fillDeployment(c *Call) {
	p := props(c.New.Body)
	model, _ := p["model"].(Object)
	if found, ok := models.Find(text(model, "format"), text(model, "name"), text(model, "version")); ok {
		model["version"] = found.Version
		caps := Object{}
		for key, value := range found.Caps {
			caps[key] = value
		}
		p["capabilities"] = caps
	}
	c.New.Body["sku"] = Object{"name": skuOf(c.New.Body), "capacity": float64(capacityOf(c.New.Body))}
	p["currentCapacity"] = float64(capacityOf(c.New.Body))
	standard(p, "versionUpgradeOption", "OnceNewDefaultVersionAvailable")
	standard(p, "raiPolicyName", "Microsoft.DefaultV2")
	p["rateLimits"] = []any{Object{"key": "token", "renewalPeriod": 60.0, "count": float64(capacityOf(c.New.Body) * 1000)}}
	c.New.Body["etag"] = `"` + c.guid().(string) + `"`
}

// UsageList is the answer of …/locations/{region}/usages.
func UsageList(w *World, st *store.State, location string) *answer.Answer {
	region := models.Region(location)
	seen := map[string]bool{}
	var out []any
	for _, m := range models.In(region) {
		for _, s := range m.SKUs {
			if seen[s.Usage] {
				continue
			}
			seen[s.Usage] = true
			out = append(out, Object{
				"name": Object{"value": s.Usage, "localizedValue": s.Unit}, "unit": "Count",
				"currentValue": float64(Used(st, region, s.Usage)), "limit": float64(w.limit(region, s)),
			})
		}
	}
	count := float64(0)
	for _, a := range st.OfType(accounts) {
		if models.Region(text(a.Body, "location")) == region {
			count++
		}
	}
	out = append(out, Object{"name": Object{"value": "AccountCount", "localizedValue": "Accounts"}, "unit": "Count", "currentValue": count, "limit": 30.0})
	return answer.List(out)
}

// ModelList is the answer of …/locations/{region}/models, where each model is with
// the kind of account that may deploy it, and of …/accounts/{name}/models.
func ModelList(location, kind string, nested bool) *answer.Answer {
	var out []any
	for _, m := range models.In(models.Region(location)) {
		var skus []any
		for _, s := range m.SKUs {
			skus = append(skus, Object{"name": s.Name, "usageName": s.Usage, "capacity": Object{"default": float64(s.Default), "maximum": float64(s.Max), "minimum": 1.0}})
		}
		one := Object{
			"format": m.Format, "name": m.Name, "version": m.Version, "isDefaultVersion": m.Default, "skus": skus,
			"lifecycleStatus": "GenerallyAvailable", "maxCapacity": 1000.0, "capabilities": m.Caps,
		}
		for _, k := range m.Kinds {
			switch {
			case nested:
				out = append(out, Object{"kind": k, "skuName": "S0", "description": fmt.Sprint(m.Name), "model": one})
			case strings.EqualFold(k, kind):
				out = append(out, one)
			}
		}
	}
	return answer.List(out)
}
