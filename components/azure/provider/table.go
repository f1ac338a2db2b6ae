package provider

import (
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:embed tables/*.json
var tableFiles embed.FS

// kind is what a value is made of.
type kind int

const (
	kindAny    kind = iota
	kindString      //
	kindBool        //
	kindInt         // a whole number
	kindNumber      //
	kindIDSet       // user-assigned identities
	kindList        //
	kindMap         //
	kindObject      //
)

// shape is a type in a table.
type shape struct {
	kind   kind
	elem   *shape  // of lists and maps
	object *object // of objects; shared, and so may refer to itself
}

// prop is a property of an object.
type prop struct {
	shape
	wire                     string // Azure's name
	in, out                  bool   // may be set; is returned
	required                 bool
	secret, stable, volatile bool
	def                      any // Azure's default; nil: none known
	min, max                 int // characters; 0: no limit
	pattern                  *regexp.Regexp
	key                      string // of a list's elements
	mirrors                  string // another property that Azure returns the same in
}

// object is a JSON object with known members.
type object struct {
	props map[string]*prop
	flat  bool            // members but those in top are under `properties`
	top   map[string]bool //
}

// under tells whether a member is in Azure's `properties`.
func (o *object) under(name string) bool { return o.flat && !o.top[name] }

// resourceType is one type in one API version.
type resourceType struct {
	object
	token   string // module:Type, for messages
	api     string
	path    pathTemplate
	replace map[string]bool // properties, path parameters included
	same    [][]string      // paths of what tells resources without tags apart
	lock    string          // "self", "parent" or ""
}

// table is a file of tables/.
type table map[string]*resourceType

type rawResource struct {
	Path       string            `json:"path"`
	Top        *string           `json:"top"`
	Replace    string            `json:"replace"`
	Same       string            `json:"same"`
	Lock       string            `json:"lock"`
	Properties map[string]string `json:"properties"`
}

type rawTable struct {
	Resources map[string]rawResource       `json:"resources"`
	Types     map[string]map[string]string `json:"types"`
}

// loadTable reads the table of a module in an API version.
func loadTable(module, api string) (table, error) {
	b, err := tableFiles.ReadFile("tables/" + module + "@" + api + ".json")
	if err != nil {
		return nil, err
	}
	return parseTable(module, api, b)
}

func parseTable(module, api string, b []byte) (table, error) {
	var raw rawTable
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, err
	}
	objects := map[string]*object{}
	for name := range raw.Types {
		objects[name] = &object{}
	}
	for name, specs := range raw.Types {
		if err := fillObject(objects[name], specs, objects); err != nil {
			return nil, fmt.Errorf("type %s: %w", name, err)
		}
	}
	out := table{}
	for name, r := range raw.Resources {
		rt, err := parseResource(r, objects)
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		rt.token, rt.api = module+":"+name, api
		out[name] = rt
	}
	return out, nil
}

func parseResource(r rawResource, objects map[string]*object) (*resourceType, error) {
	rt := &resourceType{path: parseTemplate(r.Path), lock: r.Lock, replace: words(r.Replace)}
	if err := fillObject(&rt.object, r.Properties, objects); err != nil {
		return nil, err
	}
	if r.Top != nil {
		rt.flat, rt.top = true, words(*r.Top)
	}
	for _, p := range rt.path.params() {
		rt.replace[p] = true
	}
	for _, s := range strings.Fields(r.Same) {
		rt.same = append(rt.same, strings.Split(s, "."))
	}
	return rt, nil
}

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// flatKey is not a property: it makes a type's members lie under `properties`
// but for those it lists.
const flatKey = "$flat"

func fillObject(o *object, specs map[string]string, objects map[string]*object) error {
	o.props = make(map[string]*prop, len(specs))
	for name, spec := range specs {
		if name == flatKey {
			o.flat, o.top = true, words(spec)
			continue
		}
		p, err := parseProp(name, spec, objects)
		if err != nil {
			return fmt.Errorf("property %s: %w", name, err)
		}
		o.props[name] = p
	}
	return nil
}

func parseProp(name, spec string, objects map[string]*object) (*prop, error) {
	fields := strings.Fields(spec)
	if len(fields) == 0 {
		return nil, fmt.Errorf("has no type")
	}
	sh, err := parseShape(fields[0], objects)
	if err != nil {
		return nil, err
	}
	p := &prop{shape: sh, wire: name, in: true, out: true}
	for _, f := range fields[1:] {
		if err := p.word(f); err != nil {
			return nil, fmt.Errorf("word %q: %w", f, err)
		}
	}
	return p, nil
}

func (p *prop) word(f string) error {
	word, value, _ := strings.Cut(f, "=")
	var err error
	switch word {
	case "required":
		p.required = true
	case "in":
		p.out = false
	case "out":
		p.in = false
	case "secret":
		p.secret = true
	case "stable":
		p.stable = true
	case "volatile":
		p.volatile = true
	case "default":
		err = json.Unmarshal([]byte(value), &p.def)
	case "min":
		p.min, err = strconv.Atoi(value)
	case "max":
		p.max, err = strconv.Atoi(value)
	case "key":
		p.key = value
	case "mirrors":
		p.mirrors = value
	case "as":
		p.wire = value
	case "pattern":
		p.pattern, err = regexp.Compile(value)
	default:
		err = fmt.Errorf("is not known")
	}
	return err
}

func parseShape(t string, objects map[string]*object) (shape, error) {
	switch t {
	case "any":
		return shape{kind: kindAny}, nil
	case "string":
		return shape{kind: kindString}, nil
	case "bool":
		return shape{kind: kindBool}, nil
	case "int":
		return shape{kind: kindInt}, nil
	case "number":
		return shape{kind: kindNumber}, nil
	case "idset":
		return shape{kind: kindIDSet}, nil
	}
	k := kindList
	if strings.HasPrefix(t, "{") {
		k = kindMap
	}
	if n := len(t); n > 2 && (t[0] == '[' && t[n-1] == ']' || t[0] == '{' && t[n-1] == '}') {
		elem, err := parseShape(t[1:n-1], objects)
		return shape{kind: k, elem: &elem}, err
	}
	if o, ok := objects[t]; ok {
		return shape{kind: kindObject, object: o}, nil
	}
	return shape{}, fmt.Errorf("type %q is not in this table", t)
}
