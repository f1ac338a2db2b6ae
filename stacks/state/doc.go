// Package state is where envctl keeps what it must not forget: a record and a
// lock for each stack, the key that secrets are encrypted with and, unless a
// backend is named, Pulumi's own state. It never holds a secret but that key.
//
//	<dir>/records/<stack>.json   what a stack is, its last plan and operation
//	<dir>/locks/<stack>.lock     who operates on it now; gone when nobody does
//	<dir>/key, key.salt          passphrase of the state's secrets
//	<dir>/key.derived            the key that the two lead to
//	<dir>/pulumi/                Pulumi's state
//	<dir>/derived/, work/        made anew whenever needed
//
// Every write is atomic, and that of a record keeps the previous one beside it
// (.bak). A damaged file is reported with the way to restore it and never
// replaced.
//
// The folder is for one user on Linux or macOS and belongs on a local disk. On
// NFS the locks hold only where the server offers locking, and reading who holds
// one may give it up.
package state
