package definition

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// yamlWriter writes a JSON document as block-style YAML. A string is written
// plain only where every YAML reader takes it for a string; otherwise as its
// JSON form, which YAML has as a double-quoted scalar. (The encoder of the YAML
// library writes a lone tab and 1e3 plain, which read back as something else.)
type yamlWriter struct {
	out   bytes.Buffer
	plain *regexp.Regexp
	json  *json.Decoder
}

// plainWords begin with a letter and hold nothing that ends a plain scalar; the
// words that some YAML version takes for a boolean or null are left out by yamlWords.
const plainWords = `^[A-Za-z][A-Za-z0-9_./@-]*$`

func yamlWords() []string {
	return []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
}

// toYAML turns JSON text into YAML.
func toYAML(text []byte) ([]byte, error) {
	w := &yamlWriter{plain: regexp.MustCompile(plainWords), json: json.NewDecoder(bytes.NewReader(text))}
	w.json.UseNumber()
	if err := w.value(0, false); err != nil {
		return nil, err
	}
	if _, err := w.json.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON document")
	}
	return bytes.TrimLeft(w.out.Bytes(), "\n "), nil
}

// value writes the next JSON value after its key or dash. inline says that a
// mapping may begin on the line of its dash.
func (w *yamlWriter) value(indent int, inline bool) error {
	token, err := w.json.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		return w.collection(token, indent, inline)
	case string:
		w.out.WriteString(" " + w.scalar(token) + "\n")
	case nil:
		w.out.WriteString(" null\n")
	default: // a number or a boolean
		fmt.Fprintf(&w.out, " %v\n", token)
	}
	return nil
}

func (w *yamlWriter) collection(open json.Delim, indent int, inline bool) error {
	if !w.json.More() {
		w.out.WriteString(map[json.Delim]string{'{': " {}\n", '[': " []\n"}[open])
		_, err := w.json.Token()
		return err
	}
	if !inline {
		w.out.WriteByte('\n')
	}
	for first := true; w.json.More(); first = false {
		if !inline || !first {
			w.out.WriteString(strings.Repeat(" ", indent))
		} else {
			w.out.WriteByte(' ')
		}
		if open == '[' {
			w.out.WriteByte('-')
		} else {
			key, err := w.json.Token()
			if err != nil {
				return err
			}
			w.out.WriteString(w.scalar(key.(string)) + ":")
		}
		if err := w.value(indent+2, open == '['); err != nil {
			return err
		}
	}
	_, err := w.json.Token()
	return err
}

func (w *yamlWriter) scalar(s string) string {
	plain := w.plain.MatchString(s)
	for _, word := range yamlWords() {
		plain = plain && !strings.EqualFold(s, word)
	}
	if plain {
		return s
	}
	quoted, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		return `""`
	}
	return string(quoted)
}
