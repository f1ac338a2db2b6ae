// Command pause does nothing until it is told to stop: the program in every
// container that is benchmarked, so that only the tools differ. With an argument it ends at
// once.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		return
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
