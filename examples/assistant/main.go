// Command assistant answers questions with a model. It is written for Azure Container
// Apps: it takes a token of its managed identity and calls Azure OpenAI, by the
// variables that it finds and nothing else, and so runs in a local sandbox unchanged.
// The SDKs do the same in fewer lines; it does without them to be one small file.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// scope is what tokens for models are asked for.
const scope = "https://cognitiveservices.azure.com"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /ask", answer)
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	slog.Info("serving", "port", 8080, "model", os.Getenv("AZURE_OPENAI_DEPLOYMENT"))
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		slog.Error("serve", "error", err)
		os.Exit(1)
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	text, err := ask(r.Context(), r.URL.Query().Get("q"))
	if err != nil {
		slog.Error("ask", "error", err)
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintln(w, text)
}

// ask puts a question to the model and returns its answer.
func ask(ctx context.Context, question string) (string, error) {
	token, err := token(ctx)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{
		"messages": []map[string]string{{"role": "user", "content": question}}, "max_completion_tokens": 300,
	})
	if err != nil {
		return "", err
	}
	address := os.Getenv("AZURE_OPENAI_ENDPOINT") + "openai/deployments/" + os.Getenv("AZURE_OPENAI_DEPLOYMENT") +
		"/chat/completions?api-version=" + os.Getenv("OPENAI_API_VERSION")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	var out struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := call(request, &out); err != nil {
		return "", err
	}
	if len(out.Choices) == 0 {
		return "", errors.New("the model gave no answer")
	}
	return out.Choices[0].Message.Content, nil
}

// token is one of this app's managed identity.
func token(ctx context.Context) (string, error) {
	query := url.Values{"api-version": {"2019-08-01"}, "resource": {scope}, "client_id": {os.Getenv("AZURE_CLIENT_ID")}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("IDENTITY_ENDPOINT")+"?"+query.Encode(), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("X-IDENTITY-HEADER", os.Getenv("IDENTITY_HEADER"))
	var out struct {
		AccessToken string `json:"access_token"`
	}
	err = call(request, &out)
	return out.AccessToken, err
}

// call makes a request and reads its answer; any status but 200 is an error with what
// the server said.
func call(request *http.Request, out any) error {
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", request.URL.Host, response.Status, raw)
	}
	return json.Unmarshal(raw, out)
}
