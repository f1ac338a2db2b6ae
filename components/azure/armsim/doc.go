// Package armsim is a strict simulator of what envctl uses of Azure: Resource
// Manager and Entra behind TLS on the loopback interface, the registries' data
// planes and, with a [Runner], apps that really run.
//
// It is made of small packages: route reads paths, keytrees checks bodies, rp has
// what each resource type does, rm is Resource Manager itself, store keeps the
// state, entra logs in, acr and platform are the data planes, fault describes
// failures. This package puts them together.
//
// What is simulated is public knowledge of Azure, not Azure: each rule names its
// source, and docs/azure.md lists what only a real subscription can prove.
package armsim
