package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"

	p "github.com/pulumi/pulumi-go-provider"
	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// schema is what the engine-independent half of a resource type needs.
type schema struct {
	inputs      reflect.Type               // struct with `pulumi` tags
	defaults    map[string]any             // where leaving a property out means more than its zero value
	changes     map[string]change          // absent: replace
	sets        map[string]bool            // lists whose order means nothing
	named       bool                       // gets a name where none is given
	deleteFirst bool                       // names are fixed: the old object goes before the new one comes
	validate    func(property.Map) []error // rules beyond kinds; called when everything is known
}

// propertyError is a rule that one property breaks.
type propertyError struct{ property, reason string }

func (e *propertyError) Error() string { return e.property + ": " + e.reason }

func (s schema) names() []string {
	out := make([]string, 0, s.inputs.NumField())
	for i := range s.inputs.NumField() {
		name, _ := tag(s.inputs.Field(i))
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (s schema) check(req p.CheckRequest) p.CheckResponse {
	in := req.Inputs
	if v, ok := in.GetOk("name"); s.named && (!ok || v.IsNull()) {
		in = in.Set("name", autoName(req))
	}
	fails := checkStruct("", in, s.inputs)
	if len(fails) == 0 && s.validate != nil && !property.New(in).HasComputed() {
		for _, err := range s.validate(in) {
			f := p.CheckFailure{Reason: err.Error()}
			if pe, ok := errors.AsType[*propertyError](err); ok {
				f = p.CheckFailure{Property: pe.property, Reason: pe.reason}
			}
			fails = append(fails, f)
		}
	}
	return p.CheckResponse{Inputs: in, Failures: fails}
}

// autoName is the name that is in the state already, or one that follows from
// the resource's URN: a retry after a crash finds what the crash left behind.
func autoName(req p.CheckRequest) property.Value {
	if old, ok := req.State.GetOk("name"); ok && old.IsString() {
		return old
	}
	sum := sha256.Sum256([]byte(req.Urn))
	return property.New(presource.URN(req.Urn).Name() + "-" + hex.EncodeToString(sum[:])[:7])
}
