// Package ports carries connections to ports of a box's loopback interface over one
// stream of bytes to the host, where the box has no network: [Forward] is the box's
// end and [Accept] the host's.
//
// The stream begins with a line of the box's end, which says that its ports are open.
// Then it is yamux's: each connection is one of its streams, which begins with the
// port as two bytes, the high one first. The host trusts nothing that comes: whatever
// hostile code makes of the stream, the host holds at most twice yamux's window (256
// KiB) for each of mostStreams and backlog streams, 56 MiB, until the stream ends.
package ports

import (
	"io"
	"time"

	"github.com/hashicorp/yamux"
)

const (
	// Most is how many connections of a box are open at a time. Others wait in the
	// queue of the box's own kernel.
	Most = 64
	// mostStreams is how many streams there may be, with those that the host has closed
	// and the box has not yet.
	mostStreams = 96
	// backlog is how many streams may wait for their turn; a box's end opens no more.
	backlog = 16
	// greeting is the first line.
	greeting = "envctl ports 1\n"

	// openTime bounds what the beginning of a stream takes.
	openTime = 10 * time.Second
	// closeTime is how long the other end may take to close a stream that this one has.
	closeTime = 30 * time.Second
	// alive is the time between two questions of the host whether the box still
	// answers, and answerTime what it has for that and for taking what is sent.
	alive      = 10 * time.Second
	answerTime = 10 * time.Second
)

func settings() *yamux.Config {
	c := yamux.DefaultConfig()
	c.AcceptBacklog = backlog
	c.KeepAliveInterval, c.ConnectionWriteTimeout = alive, answerTime
	c.StreamOpenTimeout, c.StreamCloseTimeout = openTime, closeTime
	c.LogOutput = io.Discard // of a box's end: nobody reads it; of the host's: it is what hostile code makes it
	return c
}
