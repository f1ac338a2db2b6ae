// Package docs is the documentation. Its tests hold that what the documentation
// says is so: they run its commands, follow its links, and compare its tables with
// the code that they describe.
//
// The tables between the marks <!-- NAME:begin --> and <!-- NAME:end --> are made
// from the code; `go generate ./docs` makes them anew.
package docs

//go:generate go test -count=1 -run ^TestGenerated -update .
