// Command steward runs inside a Container Apps environment. envctl carries it
// prebuilt; see the package components/azure/steward/binary.
package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "golang.org/x/crypto/x509roots/fallback" // the image holds nothing else

	"github.com/envctl/envctl/components/azure/steward/duty"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	s := duty.Steward{
		Getenv: os.Getenv, Out: os.Stdout, Now: time.Now, Sleep: duty.Sleep,
		HTTP: &http.Client{Timeout: time.Minute}, // of one request
	}
	status := s.Main(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}
