package provider

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// createBeforeDelete is kept in the inputs of what got a random name: its
// replacement can be made before it goes.
const createBeforeDelete = "__createBeforeDelete"

// naming says how a name is made where none is given.
type naming int

const (
	nameRandom naming = iota // the resource's name and 8 hexadecimal digits
	nameCopy                 // the resource's name: it is unique beneath its parent
	nameGUID                 //
)

// naming follows from the path: children are named beneath their parent.
func (rt *resourceType) naming() naming {
	name := rt.path.name()
	if name == "roleAssignmentName" || name == "roleDefinitionId" {
		return nameGUID
	}
	n, provider := 0, false
	for _, s := range rt.path {
		if s == "providers" {
			provider, n = true, 0
		}
		if _, ok := param(s); ok {
			n++
		}
	}
	if provider && n > 1 {
		return nameCopy
	}
	return nameRandom
}

// autoName fills the name's input where none is given: with the old one, with
// what the engine's autonaming says, or by the type's own way.
func (rt *resourceType) autoName(req *pulumirpc.CheckRequest, in, old property.Map) (property.Map, *pulumirpc.CheckFailure) {
	key := rt.path.name()
	p := rt.props[key]
	if v, ok := given(in, key); ok {
		// The name that was made for it, written out, still is one that was made.
		if w, was := given(old, key); was && !v.HasComputed() && equal(v, w) && old.Get(createBeforeDelete).IsBool() {
			in = in.Set(createBeforeDelete, old.Get(createBeforeDelete))
		}
		return in, nil
	}
	if v, ok := given(old, key); ok {
		if flag := old.Get(createBeforeDelete); flag.IsBool() {
			in = in.Set(createBeforeDelete, flag)
		}
		return in.Set(key, v), nil
	}
	how := rt.naming()
	auto := req.GetAutonaming()
	switch {
	case p.required:
		return in, nil // the check says that it is missing
	case auto.GetMode() == pulumirpc.CheckRequest_AutonamingOptions_DISABLE:
		return in, &pulumirpc.CheckFailure{Property: key, Reason: fmt.Sprintf(
			"missing required property '%s': the stack's autonaming is disabled, so give a name", key)}
	case auto.GetMode() == pulumirpc.CheckRequest_AutonamingOptions_ENFORCE && auto.GetProposedName() != "":
		return in.Set(key, property.New(auto.GetProposedName())), nil
	case auto != nil && auto.GetProposedName() != "" && how != nameGUID:
		in = in.Set(key, property.New(auto.GetProposedName()))
		return in.Set(createBeforeDelete, property.New(true)), nil
	}
	name, err := makeName(how, presource.URN(req.GetUrn()).Name(), req.GetRandomSeed())
	if err != nil {
		return in, &pulumirpc.CheckFailure{Property: key, Reason: err.Error()}
	}
	if how != nameCopy {
		in = in.Set(createBeforeDelete, property.New(true))
	}
	return in.Set(key, property.New(name)), nil
}

func makeName(how naming, urnName string, seed []byte) (string, error) {
	switch {
	case how == nameCopy:
		return urnName, nil
	case how == nameGUID:
		return makeGUID(seed)
	}
	return presource.NewUniqueName(seed, urnName, 8, 0, nil)
}

// makeGUID makes a version 4 UUID (RFC 9562) of the seed, or a random one.
func makeGUID(seed []byte) (string, error) {
	sum := sha256.Sum256(seed)
	id := sum[:16]
	if len(seed) == 0 {
		if _, err := rand.Read(id); err != nil {
			return "", fmt.Errorf("reading the system's random source: %w", err)
		}
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), nil
}
