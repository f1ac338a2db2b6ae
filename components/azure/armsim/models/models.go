// Package models is the simulated catalogue of AI models: which are offered in
// which region under which SKU, and what each may use of the quota.
//
// The catalogue is a small likeness of the real one, enough for every choice to
// have regions and SKUs that fit and some that do not.
package models

import (
	"slices"
	"strings"
)

// Model is one version of one model.
type Model struct {
	Format  string
	Name    string
	Version string
	Default bool
	Kinds   []string // of accounts
	SKUs    []SKU
	Caps    map[string]string
}

// SKU is a way to deploy a model.
type SKU struct {
	Name    string
	Regions []string
	// Usage is the quota that a deployment counts against, one for each region.
	Usage string
	// Unit is the usage's name in words.
	Unit    string
	Default int // capacity where none is given
	Max     int
	Quota   int // limit of the subscription in a region
}

// Regions are the regions that the simulator has.
func Regions() []string {
	return []string{
		"westeurope", "northeurope", "swedencentral", "francecentral", "germanywestcentral", "uksouth", "switzerlandnorth",
		"eastus", "eastus2", "southcentralus", "westus", "westus2", "westus3", "northcentralus", "centralus",
		"canadaeast", "japaneast", "australiaeast", "southeastasia", "usgovvirginia", "chinanorth3",
	}
}

var (
	everywhere = []string{
		"westeurope", "northeurope", "swedencentral", "francecentral", "germanywestcentral", "uksouth", "switzerlandnorth", "eastus", "eastus2",
		"southcentralus", "westus", "westus3", "northcentralus", "canadaeast", "japaneast", "australiaeast",
	}
	few  = []string{"swedencentral", "eastus", "eastus2", "southcentralus", "westus", "westus3", "northcentralus"}
	kind = []string{"OpenAI", "AIServices"}
)

func sku(name, model string, regions []string, quota int) SKU {
	usage := "OpenAI." + name + "." + model
	unit := "Tokens Per Minute (thousands) - " + model
	if name != "Standard" {
		unit += " - " + name
	}
	return SKU{Name: name, Regions: regions, Usage: usage, Unit: unit, Default: 10, Max: 1000, Quota: quota}
}

// Catalogue lists the models.
func Catalogue() []Model {
	chat := map[string]string{"chatCompletion": "true", "maxContextToken": "128000", "maxOutputToken": "16384"}
	embed := map[string]string{"embeddings": "true", "maxContextToken": "8192"}
	model := func(name, version string, standard bool, caps map[string]string, skus ...SKU) Model {
		return Model{Format: "OpenAI", Name: name, Version: version, Default: standard, Kinds: kind, SKUs: skus, Caps: caps}
	}
	return []Model{
		model("gpt-4o", "2024-08-06", true, chat, sku("Standard", "gpt-4o", few, 150), sku("GlobalStandard", "gpt-4o", everywhere, 450)),
		model("gpt-4o", "2024-11-20", false, chat, sku("GlobalStandard", "gpt-4o", everywhere, 450)),
		model("gpt-4o-mini", "2024-07-18", true, chat, sku("Standard", "gpt-4o-mini", few, 200), sku("GlobalStandard", "gpt-4o-mini", everywhere, 2000)),
		model("gpt-4.1", "2025-04-14", true, chat, sku("GlobalStandard", "gpt-4.1", everywhere, 1000)),
		model("gpt-4.1-mini", "2025-04-14", true, chat, sku("GlobalStandard", "gpt-4.1-mini", everywhere, 5000), sku("Standard", "gpt-4.1-mini", []string{"eastus2"}, 200)),
		model("gpt-4.1-nano", "2025-04-14", true, chat, sku("GlobalStandard", "gpt-4.1-nano", everywhere, 5000)),
		model("o4-mini", "2025-04-16", true, chat, sku("GlobalStandard", "o4-mini", everywhere, 1000)),
		model("text-embedding-3-small", "1", true, embed, sku("Standard", "text-embedding-3-small", everywhere, 350), sku("GlobalStandard", "text-embedding-3-small", few, 1000)),
		model("text-embedding-3-large", "1", true, embed, sku("Standard", "text-embedding-3-large", everywhere, 350), sku("GlobalStandard", "text-embedding-3-large", few, 1000)),
		model("text-embedding-ada-002", "2", true, embed, sku("Standard", "text-embedding-ada-002", everywhere, 240)),
	}
}

// Find looks a model up, names and format without case; with version "" it is
// the default version. ok is false if there is none.
func Find(format, name, version string) (Model, bool) {
	for _, m := range Catalogue() {
		same := strings.EqualFold(m.Format, format) && strings.EqualFold(m.Name, name)
		if same && (m.Version == version || version == "" && m.Default) {
			return m, true
		}
	}
	return Model{}, false
}

// In lists what is offered in a region, with only the SKUs that are there.
func In(region string) []Model {
	var out []Model
	for _, m := range Catalogue() {
		var skus []SKU
		for _, s := range m.SKUs {
			if slices.Contains(s.Regions, region) {
				skus = append(skus, s)
			}
		}
		if m.SKUs = skus; len(skus) > 0 {
			out = append(out, m)
		}
	}
	return out
}

// SKU finds the model's SKU without case, in a region; ok is false if it is not
// offered there.
func (m Model) SKU(name, region string) (SKU, bool) {
	for _, s := range m.SKUs {
		if strings.EqualFold(s.Name, name) && slices.Contains(s.Regions, region) {
			return s, true
		}
	}
	return SKU{}, false
}

// Region writes a location as Resource Manager compares it: without spaces and case.
func Region(location string) string {
	return strings.ToLower(strings.ReplaceAll(location, " ", ""))
}
