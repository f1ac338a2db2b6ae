package policies

import "regexp"

// keyShapes are the published forms of well-known keys. Each is so specific that
// a match is hardly ever anything else; a password without a form is not found.
func keyShapes() []keyShape {
	return []keyShape{
		{"a private key", `-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----`},
		{"an AWS access key", `\b(AKIA|ASIA)[A-Z0-9]{16}\b`},
		{"a GitHub token", `\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})`},
		{"a GitLab token", `\bglpat-[A-Za-z0-9_-]{20,}`},
		{"an Anthropic key", `\bsk-ant-[A-Za-z0-9_-]{20,}`},
		{"an OpenAI key", `\bsk-([a-z]+-)?[A-Za-z0-9_-]*[A-Za-z0-9]{20,}`},
		{"a Google API key", `\bAIza[A-Za-z0-9_-]{35}\b`},
		{"a Slack token", `\bxox[abeoprs]-[A-Za-z0-9-]{10,}`},
		{"a Stripe key", `\b[rs]k_live_[A-Za-z0-9]{16,}`},
		{"an npm token", `\bnpm_[A-Za-z0-9]{36}\b`},
		{"a PyPI token", `\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}`},
		{"a Hugging Face token", `\bhf_[A-Za-z0-9]{30,}\b`},
		{"an Azure storage key", `AccountKey=[A-Za-z0-9+/]{86}==`},
	}
}

type keyShape struct{ name, pattern string }

// keyIn names the first kind of key that text holds; empty for none. It compiles
// the patterns each time: a definition has few values, and a table made at start
// would cost every command.
func keyIn(text string) string {
	if len(text) < 16 { // shorter than any shape
		return ""
	}
	for _, shape := range keyShapes() {
		if regexp.MustCompile(shape.pattern).MatchString(text) {
			return shape.name
		}
	}
	return ""
}
