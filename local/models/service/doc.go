// Package service is the background process that answers for the models of one
// instance: [Service.Ensure] starts it or finds it again, and [Serve] is what runs in
// it. It opens no port: requests come through a command in the gateway's container.
//
// The process has a folder of its own, which is one of package daemon with:
//
//	settings.json   what it serves, without secrets; credentials stay in its environment
//	log, log.1      what it met, at most 256 KiB each
//
// It ends by itself: when its settings are removed or others, when the folder is, when
// the container has been gone for 10 s, or when the container has not run, or the
// engine not answered, for 5 minutes.
package service
