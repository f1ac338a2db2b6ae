// Package rp is what each resource provider does: for every type its versions,
// names, rules, defaults and style of long-running operation.
//
// The rules come from Microsoft's specifications (package keytrees), from its
// documentation of names and limits, and from public reports of what the service
// answers; each says which. Where no report gives the code of an error, the code
// is Resource Manager's general one.
package rp
