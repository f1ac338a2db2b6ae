// Package registry is an OCI registry (distribution specification 1.1) of one
// machine: a [Store] of content in a folder, the [Store.Handler] that serves it,
// and the background process of it ([Service]), which is started on demand, found
// again by later commands and ends by itself.
//
// A store keeps nothing in memory, so any number of processes may use one folder
// at the same time, and any of them may be killed at any instant: content gets its
// name only when all of it is on disk, and is known by its digest.
//
//	blobs/ALGORITHM/xx/HEX              content
//	repositories/NAME/_blobs/…          which content a repository has
//	repositories/NAME/_manifests/…      which of it are manifests; holds the media type
//	repositories/NAME/_tags/TAG         holds the digest
//	repositories/NAME/_referrers/…      manifests by the digest they refer to; holds the descriptor
//	repositories/NAME/_uploads/ID       blobs that are being uploaded
//	diffs/ALGORITHM/xx/HEX              how an uncompressed layer was compressed; holds the digest
//	tmp/                                content that is being written
//	lock, pushed                        see hold.go and collect.go
//	process/                            of the background process, see package daemon
package registry
