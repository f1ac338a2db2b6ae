package mcpserver

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/oneshot/language"
)

// Policy is what clients may have. Nothing they send goes beyond it.
type Policy struct {
	// Images may be asked for, as they are written here.
	Images []string
	// Languages say which image and command a script has; their images are allowed.
	Languages language.Table
	// Memory, CPU and TTL are the most that one box may have; the defaults are what
	// it has where the client does not say.
	Memory, DefaultMemory int64   // bytes
	CPU, DefaultCPU       float64 // cores
	TTL, DefaultTTL       time.Duration
	// Runtime is the engine's runtime for boxes; empty: its default.
	Runtime string
	// Isolation is what that separates boxes from the machine by: container, gvisor or
	// vm; empty: nobody knows what it does.
	Isolation string
	// Models may be asked for, by their names in the definition; NoModels says why there
	// are none.
	Models   []string
	NoModels Absence
}

// Absence is why there are no models, and what the user can do about it.
type Absence struct{ Why, Mend string }

// DefaultPolicy allows what suits a laptop.
func DefaultPolicy() Policy {
	return Policy{
		Languages: language.Default(),
		Memory:    2 << 30, DefaultMemory: 512 << 20,
		CPU: 2, DefaultCPU: 1,
		TTL: 4 * time.Hour, DefaultTTL: time.Hour,
	}
}

// languages names them, with the extension that the table has them by.
func languages() map[string]string {
	return map[string]string{
		"python": ".py", "javascript": ".js", "typescript": ".ts", "bash": ".sh", "ruby": ".rb", "perl": ".pl", "php": ".php",
		"r": ".r", "julia": ".jl",
	}
}

// Allowed lists the images that clients may ask for, sorted.
func (p Policy) Allowed() []string {
	out := slices.Clone(p.Images)
	for _, l := range p.Languages {
		out = append(out, l.Image)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// language returns a language by its name.
func (p Policy) language(name string) (language.Language, string, error) {
	names := make([]string, 0, len(languages()))
	for known, extension := range languages() {
		if l, ok := p.Languages[extension]; ok {
			if known == name {
				return l, extension, nil
			}
			names = append(names, known)
		}
	}
	slices.Sort(names)
	return language.Language{}, "", &failure{
		what: fmt.Sprintf("language %q is not known", name),
		why:  "the languages are " + strings.Join(names, ", "),
		mend: "use one of them, or give an image and a command",
	}
}

// image returns the image that a client asked for by its name or by a language.
func (p Policy) image(image, name string) (string, error) {
	switch {
	case image == "" && name == "":
		return "", &failure{what: "neither an image nor a language was given", why: "a box is made of an image", mend: "give one of the two"}
	case image == "":
		l, _, err := p.language(name)
		return l.Image, err
	}
	if allowed := p.Allowed(); !slices.Contains(allowed, image) {
		return "", &failure{
			what: fmt.Sprintf("image %q is not allowed", image),
			why:  "the images are " + strings.Join(allowed, ", "),
			mend: "use one of them; the user can allow another one with envctl mcp --allow-image",
		}
	}
	return image, nil
}

// limits are what a client may say of a box.
type limits struct {
	MemoryMB   int64   `json:"memory_mb,omitempty" jsonschema:"memory in MiB, files in /workspace and /tmp included"`
	CPU        float64 `json:"cpu,omitempty" jsonschema:"processor cores, as 0.5"`
	TTLSeconds int64   `json:"ttl_seconds,omitempty" jsonschema:"seconds until the box is removed"`
	// Models are paid from the project's budget.
	Models []string `json:"models,omitempty" jsonschema:"models of the project that programs may call, by name; default none"`
}

// spec makes a box's of it.
func (p Policy) spec(l limits) (box.Spec, error) {
	s := box.Spec{CPU: l.CPU, TTL: time.Duration(l.TTLSeconds) * time.Second, Runtime: p.Runtime, Isolation: p.Isolation}
	if l.MemoryMB < 0 || l.MemoryMB > p.Memory>>20 {
		return s, over("memory_mb", fmt.Sprint(l.MemoryMB), fmt.Sprintf("%d MiB", p.Memory>>20), "--max-memory")
	}
	if s.Memory = l.MemoryMB << 20; s.Memory == 0 {
		s.Memory = min(p.DefaultMemory, p.Memory)
	}
	if !(s.CPU >= 0 && s.CPU <= p.CPU) {
		return s, over("cpu", fmt.Sprint(s.CPU), fmt.Sprintf("%v cores", p.CPU), "--max-cpu")
	}
	if s.CPU == 0 {
		s.CPU = min(p.DefaultCPU, p.CPU)
	}
	if l.TTLSeconds < 0 || l.TTLSeconds > int64(p.TTL/time.Second) {
		return s, over("ttl_seconds", fmt.Sprint(l.TTLSeconds), fmt.Sprintf("%d seconds", p.TTL/time.Second), "--max-ttl")
	}
	if s.TTL == 0 {
		s.TTL = min(p.DefaultTTL, p.TTL)
	}
	return s, p.models(l.Models)
}

// models refuses what is not among the models that may be asked for.
func (p Policy) models(names []string) error {
	for i, name := range names {
		switch {
		case len(p.Models) == 0:
			return &failure{what: fmt.Sprintf("model %q is not allowed", brief(name)), why: "there are no models: " + p.NoModels.Why, mend: p.NoModels.Mend}
		case !slices.Contains(p.Models, name):
			return &failure{
				what: fmt.Sprintf("model %q is not allowed", brief(name)), why: "the models are " + strings.Join(p.Models, ", "),
				mend: "use one of them; the user can add another one to envctl.yaml and start envctl mcp anew",
			}
		case slices.Contains(names[:i], name):
			return &failure{what: fmt.Sprintf("model %q is given twice", name), why: "a box has each model once", mend: "give it once"}
		}
	}
	return nil
}

func over(name, value, most, flag string) error {
	return &failure{
		what: fmt.Sprintf("%s %s is out of range", name, value), why: "a box may have " + most + " at most",
		mend: "ask for less; the user can allow more with envctl mcp " + flag,
	}
}
