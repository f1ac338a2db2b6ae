package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Spec returns a copy of the whole content.
func (p *Plan) Spec() Spec { return p.spec.clone() }

// Workload returns a copy of the app or job of that name.
func (p *Plan) Workload(name string) (Workload, bool) {
	for _, w := range p.spec.Workloads {
		if w.Name == name {
			return w.clone(), true
		}
	}
	return Workload{}, false
}

// Order returns the names of all workloads in levels: each needs only apps of
// earlier levels, so a level can start at once. Within a level names are sorted.
func (p *Plan) Order() [][]string {
	levels := slices.Clone(p.levels)
	for i := range levels {
		levels[i] = slices.Clone(levels[i])
	}
	return levels
}

// Hash is the SHA-256, in hex, of everything but Expires and where registries have
// the images: a plan that is only given more time, or whose images are kept in one
// more place, describes the same experiment and has the same hash.
func (p *Plan) Hash() string {
	spec := p.spec.clone()
	spec.Expires = time.Time{}
	for i := range spec.Workloads {
		spec.Workloads[i].Image = spec.Workloads[i].Image.unkept()
	}
	return hash(spec)
}

// unkept is the image without where registries have it.
func (i Image) unkept() Image {
	i.Digest, i.Repository = "", ""
	return i
}

// WorkloadHash is the SHA-256, in hex, of one workload, and of nothing else in
// the plan. It is empty where there is no workload of that name.
func (p *Plan) WorkloadHash(name string) string {
	w, ok := p.Workload(name)
	if !ok {
		return ""
	}
	w.Image = w.Image.unkept()
	return hash(w)
}

// hash relies on encoding/json: fields in order of declaration, maps by key.
func hash(v any) string {
	data, err := json.Marshal(v)
	if err != nil { // no type of this package can fail; check refuses what JSON cannot hold
		panic(fmt.Sprintf("plan: %v", err))
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// MarshalJSON writes the plan so that [Parse] reads it back.
func (p *Plan) MarshalJSON() ([]byte, error) { return json.Marshal(p.spec) }

// Parse reads what [Plan.MarshalJSON] wrote and holds it to the same rules as
// [New]. A key it does not know is an error: the plan is then of a newer envctl.
func Parse(data []byte) (*Plan, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var spec Spec
	if err := d.Decode(&spec); err != nil {
		return nil, fmt.Errorf("not a plan that this envctl wrote: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a plan that this envctl wrote: something follows it")
	}
	spec.Expires = wholeSeconds(spec.Expires)
	return fromSpec(spec)
}
