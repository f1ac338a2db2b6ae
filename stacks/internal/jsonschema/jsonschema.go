// Package jsonschema stands in for github.com/santhosh-tekuri/jsonschema/v5 in what
// Pulumi's packages use of it. It differs in one thing: a schema is compiled when a
// value is first held against it and not by MustCompile. Pulumi calls MustCompile four
// times as its packages initialise, for schemas that envctl's commands do not need;
// that took 9 of the 27 ms in which every command started (docs/performance.md).
// go.mod puts it in place by a replace directive.
package jsonschema

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"sync"

	google "github.com/google/jsonschema-go/jsonschema"
)

// Compiler compiles schemas, drafts 7 and 2020-12, from what LoadURL loads.
type Compiler struct {
	// LoadURL opens the JSON text of a schema.
	LoadURL func(url string) (io.ReadCloser, error)
}

// NewCompiler returns a compiler whose LoadURL is [LoadURL].
func NewCompiler() *Compiler { return &Compiler{LoadURL: LoadURL} }

// LoadURL refuses: no schema comes from outside the program.
func LoadURL(url string) (io.ReadCloser, error) {
	return nil, fmt.Errorf("jsonschema: no schema %s in this program", url)
}

// MustCompile returns the schema of the URL without looking at it. One that cannot be
// loaded or compiled is an error of every [Schema.Validate].
func (c *Compiler) MustCompile(base string) *Schema {
	return &Schema{compiled: sync.OnceValues(func() (*google.Resolved, error) {
		root, err := c.load(base)
		if err != nil {
			return nil, err
		}
		return root.Resolve(&google.ResolveOptions{BaseURI: base, Loader: func(u *url.URL) (*google.Schema, error) {
			return c.load(u.String())
		}})
	})}
}

func (c *Compiler) load(url string) (*google.Schema, error) {
	text, err := c.LoadURL(url)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	var s google.Schema
	if err := json.NewDecoder(text).Decode(&s); err != nil {
		return nil, fmt.Errorf("jsonschema: %s: %w", url, err)
	}
	return &s, nil
}

// Schema is a schema that may not have been compiled yet. What it says of members is
// left out, as Pulumi asks for it only after a *[ValidationError].
type Schema struct {
	Ref                  *Schema
	Properties           map[string]*Schema
	AdditionalProperties any
	Items2020            *Schema

	compiled func() (*google.Resolved, error)
}

// Validate says the first thing in which v, of the types that encoding/json makes, is
// not as the schema wants it.
func (s *Schema) Validate(v any) error {
	schema, err := s.compiled()
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// ValidationError is never returned: [Schema.Validate] says one thing, in words.
type ValidationError struct {
	InstanceLocation, Message string
	Causes                    []*ValidationError
}

func (e *ValidationError) Error() string { return e.Message }
