package mcpserver

// Clean is for tests.
func Clean(s string) string { return clean(s) }
