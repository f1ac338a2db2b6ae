// Command csv-insights answers questions about a table of sales, as a service or
// as a job. It is the example of envctl: it knows nothing of where it runs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/envctl/envctl/examples/csv-insights/insights"
)

const usage = "usage: csv-insights serve [CSV] | analyze CSV OUTDIR"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		slog.Error("csv-insights", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) >= 1 && args[0] == "serve":
		path := "/data/sales.csv"
		if len(args) > 1 {
			path = args[1]
		}
		return serve(ctx, path)
	case len(args) == 3 && args[0] == "analyze":
		return analyze(args[1], args[2])
	}
	return errors.New(usage)
}

func read(path string) (insights.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return insights.Report{}, err
	}
	defer func() { _ = f.Close() }()
	return insights.Read(f)
}

func analyze(path, out string) error {
	report, err := read(path)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("%d rows, best region %s, best product %s\n", report.Rows, report.BestRegion, report.BestProduct)
	return os.WriteFile(filepath.Join(out, "report.json"), append(raw, '\n'), 0o644)
}

func serve(ctx context.Context, path string) error {
	report, err := read(path)
	if err != nil {
		return err
	}
	port := os.Getenv("CONTAINER_APP_PORT")
	if port == "" {
		port = "8080"
	}
	server := &http.Server{Addr: ":" + port, Handler: handler(report), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(end)
	}()
	slog.Info("serving", "port", port, "rows", report.Rows, "revision", os.Getenv("CONTAINER_APP_REVISION"))
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// maxUpload is the largest table that POST /insights takes, in bytes.
const maxUpload = 32 << 20

func handler(report insights.Report) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /insights", func(w http.ResponseWriter, _ *http.Request) { answer(w, report) })
	mux.HandleFunc("POST /insights", func(w http.ResponseWriter, r *http.Request) {
		given, err := insights.Read(http.MaxBytesReader(w, r.Body, maxUpload))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, given)
	})
	return mux
}

func answer(w http.ResponseWriter, report insights.Report) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(report)
}
