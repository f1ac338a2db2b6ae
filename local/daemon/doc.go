// Package daemon keeps one background process for a folder: [Process.Start] starts it
// or finds it again, [Process.Stop] ends it, and [Serve] is what runs in it.
//
// The contract:
//
//   - One process a folder. It holds an exclusive lock (flock(2)) of the file serving as
//     long as it lives; no child of it inherits the lock. Of two starters at once one
//     starts it, and both find it.
//   - The file says who it is ([Record]): its PID with the time that it began, where it
//     answers, and a mark of what it serves. One that was damaged is written again.
//   - Start returns when the process has said that it is ready, within a deadline; where
//     it does not come up, the error has the last that it wrote to the file log.
//   - A process is alive where it holds the lock. It is told to end only where its PID
//     still belongs to the process that the file names: a number that was used again is
//     not touched.
//   - Stop sends SIGTERM, and SIGKILL after the deadline.
//   - It has a session of its own: the Ctrl-C, the terminal and the end of the one that
//     started it do not reach it.
//   - A killed one's lock goes with it, and its record is taken over by the next, which
//     may want its address.
//   - It ends when nobody needs it ([Serving.Watch]), or when its folder is removed.
//
// In the folder:
//
//	serving      the record; locked by the process
//	starting     locked by who starts or stops the process
//	log, log.1   what the process wrote, some 256 KiB each
package daemon
