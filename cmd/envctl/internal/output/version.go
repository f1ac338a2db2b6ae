package output

// Version is the result of version.
type Version struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command"`
	Version       string `json:"version"`             // of envctl; "devel" for a build from a checkout
	Commit        string `json:"commit,omitempty"`    // of the source
	Modified      bool   `json:"modified,omitempty"`  // the source differed from Commit
	Committed     string `json:"committed,omitempty"` // time of Commit, RFC 3339
	Go            string `json:"go"`
	Platform      string `json:"platform"` // OS/architecture
	// Modules are the libraries whose version matters to users, by module path.
	Modules map[string]string `json:"modules"`
	order   []string
}

// WithModule adds a library; text shows them in the order in which they were added.
func (v Version) WithModule(path, version string) Version {
	modules := map[string]string{path: version}
	for k, m := range v.Modules {
		modules[k] = m
	}
	v.Modules = modules
	v.order = append(append([]string(nil), v.order...), path)
	return v
}

// WriteText prints one fact a line.
func (v Version) WriteText(p *Page) {
	commit := v.Commit
	if v.Modified {
		commit += " with local changes"
	}
	p.Line("%s", bold("envctl "+v.Version))
	rows := [][]styled{{normal("commit"), normal(commit)}, {normal("committed"), normal(v.Committed)},
		{normal("go"), normal(v.Go)}, {normal("platform"), normal(v.Platform)}}
	for _, m := range v.order {
		rows = append(rows, []styled{normal(m), normal(v.Modules[m])})
	}
	var known [][]styled
	for _, r := range rows {
		if r[1].text != "" {
			known = append(known, r)
		}
	}
	p.table(2, known)
}
