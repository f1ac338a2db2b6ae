package rp

import (
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Table is every type by lower-case name.
type Table map[string]*Type

// All returns the types.
func All() Table {
	out := Table{}
	for _, list := range [][]*Type{resources(), containerApps(), identityTypes(), roleTypes(), aiTypes(), moneyTypes(), networkTypes(), storageTypes()} {
		for _, t := range list {
			out[strings.ToLower(t.Name)] = t
		}
	}
	return out
}

// Find looks a type up without case; nil if the simulator has none.
func (t Table) Find(name string) *Type { return t[strings.ToLower(name)] }

// Namespaces are those of the types, in their usual case, each once.
func (t Table) Namespaces() map[string]string {
	out := map[string]string{}
	for _, typ := range t {
		namespace, _, _ := strings.Cut(typ.Name, "/")
		out[strings.ToLower(namespace)] = namespace
	}
	return out
}

// Succeeded is the state of a resource whose operation has ended well.
const Succeeded = "Succeeded"

// StateOf is the provisioning state of a resource.
func StateOf(r *store.Resource) string { return text(r.Body, "properties", "provisioningState") }

// SetState changes it.
func SetState(r *store.Resource, state string) { props(r.Body)["provisioningState"] = state }
