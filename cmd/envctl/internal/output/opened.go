package output

// Opened is the result of open.
type Opened struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command"`
	App           string `json:"app"`
	URL           string `json:"url"`
	Opened        bool   `json:"opened"` // in a browser
}

// WriteText prints the bare address.
func (o Opened) WriteText(p *Page) { p.Line("%s", o.URL) }
