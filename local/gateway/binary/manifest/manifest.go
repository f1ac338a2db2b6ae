// Package manifest is the record that is kept beside the prebuilt programs of
// the gateway. It is apart from them so that they can be built when there are none.
package manifest

// Manifest records what the programs were built from.
type Manifest struct {
	Go       string             `json:"go"`       // version of the toolchain, as runtime.Version
	Source   string             `json:"source"`   // hash of the source files, hexadecimal SHA-256
	Programs map[string]Program `json:"programs"` // by architecture of Go
}

// Program identifies one prebuilt program, unpacked.
type Program struct {
	SHA256 string `json:"sha256"` // hexadecimal
	Size   int64  `json:"size"`   // bytes
}

// FileName returns the name of the packed program for an architecture of Go.
func FileName(arch string) string { return "gateway-linux-" + arch + ".gz" }
