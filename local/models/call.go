package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// maxBody is the longest request in bytes; images are in it as text.
const maxBody = 32 << 20

// call is a request for a model.
type call struct {
	kind   string
	model  string // by its name in the definition
	server string // by its name at the server
	fields map[string]json.RawMessage
	size   int  // of the request's body, in bytes
	stream bool // as events
	usage  bool // of a stream: the client wants to read what it took
	weight *weight
}

// muchOut says that a call's answer is long for what it asks: vectors of many texts.
func (c *call) muchOut() bool {
	const few = 16
	return c.kind == kindEmbeddings && len(inputs(c.fields["input"])) > few
}

// readCall reads a request; weigh is called before more than light bytes are held.
func readCall(r *http.Request, op operation, weigh func() error) (*call, error) {
	if r.Method != http.MethodPost {
		return nil, refuse(http.StatusMethodNotAllowed, "method_not_allowed", "%s is no method for %q: use POST", r.Method, r.URL.Path)
	}
	raw, err := readHeavy(http.MaxBytesReader(nil, r.Body, maxBody), weigh)
	var long *http.MaxBytesError
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return nil, err
	case errors.As(err, &long):
		return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", "the request has more than %d bytes", maxBody)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "bad_request", "the request's body did not come whole: %v", err)
	}
	return parseCall(raw, op)
}

func parseCall(raw []byte, op operation) (*call, error) {
	c := &call{kind: op.kind, model: op.deployment, size: len(raw)}
	if err := json.Unmarshal(raw, &c.fields); err != nil || c.fields == nil {
		return nil, refuse(http.StatusBadRequest, "bad_request", "the request's body is not a JSON object: %v", err)
	}
	if err := c.oneReading(raw); err != nil {
		return nil, err
	}
	if c.model == "" {
		if err := c.field("model", &c.model, "text"); err != nil {
			return nil, err
		}
	}
	if c.model == "" {
		return nil, refuse(http.StatusBadRequest, "bad_request", "model is missing: name one of the app's models")
	}
	if err := c.field("stream", &c.stream, "true or false"); err != nil {
		return nil, err
	}
	if c.stream && c.kind == kindEmbeddings {
		return nil, c.wrong("stream", "embeddings do not stream")
	}
	return c, c.askForUsage()
}

// field reads one field; absent and null leave the value as it is.
func (c *call) field(name string, value any, want string) error {
	raw, ok := c.fields[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, value); err != nil {
		return c.wrong(name, "is not "+want)
	}
	return nil
}

func (c *call) wrong(field, why string) *refusal {
	out := refuse(http.StatusBadRequest, "bad_request", "%s: %s", field, why)
	out.param = field
	return out
}

// askForUsage makes a stream end with what it took, which a client has to ask for.
func (c *call) askForUsage() error {
	if !c.stream || c.kind == kindResponses {
		c.usage = true
		return nil
	}
	var options map[string]json.RawMessage
	if err := c.field("stream_options", &options, "an object"); err != nil {
		return err
	}
	if err := json.Unmarshal(orNull(options["include_usage"]), &c.usage); err != nil {
		return c.wrong("stream_options", "include_usage is not true or false")
	}
	if options == nil {
		options = map[string]json.RawMessage{}
	}
	options["include_usage"] = json.RawMessage("true")
	raw, err := json.Marshal(options)
	c.fields["stream_options"] = raw
	return err
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// check refuses what makes the provider reach out, or work uncounted.
func (c *call) check() error {
	var background bool
	if err := c.field("background", &background, "true or false"); err != nil {
		return err
	}
	if background {
		return c.wrong("background", "what goes on after the answer is not counted, so it is not allowed in a sandbox")
	}
	var tier string
	if err := c.field("service_tier", &tier, "text"); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "auto", "default", "flex"}, tier) {
		return c.wrong("service_tier", "has a price of its own, so it is not allowed in a sandbox: use default")
	}
	for _, name := range sorted(elsewhere()) {
		if _, ok := c.fields[name]; ok {
			return c.wrong(name, elsewhere()[name])
		}
	}
	if err := c.checkNumbers(); err != nil {
		return err
	}
	if err := c.checkTools(); err != nil {
		return err
	}
	return c.checkAddresses()
}

// checkTools refuses tools that run at the provider.
func (c *call) checkTools() error {
	var tools []map[string]json.RawMessage
	if err := c.field("tools", &tools, "a list of tools"); err != nil {
		return err
	}
	for _, tool := range tools {
		var kind string
		if err := json.Unmarshal(orNull(tool["type"]), &kind); err != nil || spelledElse(tool, "type") != "" {
			return c.wrong("tools", "a tool's type is not a text, or is given in another spelling")
		}
		if !slices.Contains([]string{"", "function", "custom"}, kind) {
			return c.wrong("tools", "a tool of type "+kind+" runs at the provider, outside of the sandbox: only function and custom are allowed")
		}
	}
	return nil
}

// checkAddresses refuses addresses that the provider would fetch.
func (c *call) checkAddresses() error {
	for _, name := range []string{"messages", "input", "prompt"} {
		if raw := c.fields[name]; raw != nil && !walk(raw, func(key, value string) bool {
			return !addressKeys(key) || !remote(value)
		}) {
			return c.wrong(name, "an address of an image or a file is fetched by the provider, outside of the sandbox: give its content as a data: address")
		}
	}
	return nil
}

// addressKeys says that a key's text is an address: url, image_url, file_url,
// video_url and what servers add to them, in any spelling that one of them reads.
func addressKeys(key string) bool {
	key = strings.ToLower(key)
	return strings.HasSuffix(key, "url") || strings.HasSuffix(key, "uri")
}

func remote(address string) bool {
	return !strings.HasPrefix(strings.ToLower(strings.TrimSpace(address)), "data:")
}

// walk visits each text that is the value of a key, until visit says false.
func walk(raw []byte, visit func(key, value string) bool) bool {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return true
	}
	return walkValue("", value, visit)
}

func walkValue(key string, value any, visit func(key, value string) bool) bool {
	switch v := value.(type) {
	case string:
		return visit(key, v)
	case []any:
		for _, item := range v {
			if !walkValue(key, item, visit) {
				return false
			}
		}
	case map[string]any:
		for name, item := range v {
			if !walkValue(name, item, visit) {
				return false
			}
		}
	}
	return true
}

// body is the request for the server.
func (c *call) body(model string) ([]byte, error) {
	fields := maps.Clone(c.fields)
	name, err := json.Marshal(model)
	if err != nil {
		return nil, err
	}
	fields["model"] = name
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(fields)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
