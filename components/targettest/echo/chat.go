package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// resource is what tokens for models are for.
const resource = "https://cognitiveservices.azure.com"

// question is what may be other than the variables say.
type question struct{ header, client, deployment, token, base string }

func asked(r *http.Request) question {
	q := r.URL.Query()
	return question{q.Get("header"), q.Get("client"), q.Get("deployment"), q.Get("token"), q.Get("base")}
}

// token asks for a token as the SDKs do, and says what came of it.
func token(q question) string {
	_, outcome := tokenOf(q)
	return outcome
}

func tokenOf(q question) (text, outcome string) {
	query := url.Values{
		"api-version": {"2019-08-01"}, "resource": {resource}, "client_id": {cmp.Or(q.client, os.Getenv("AZURE_CLIENT_ID"))},
	}
	request, err := http.NewRequest(http.MethodGet, os.Getenv("IDENTITY_ENDPOINT")+"?"+query.Encode(), nil)
	if err != nil {
		return "", err.Error()
	}
	request.Header.Set("X-IDENTITY-HEADER", cmp.Or(q.header, os.Getenv("IDENTITY_HEADER")))
	var got struct {
		Token     string `json:"access_token"`
		ExpiresOn string `json:"expires_on"`
		Type      string `json:"token_type"`
	}
	if outcome := ask(request, &got); outcome != "" {
		return "", outcome
	}
	if strings.Count(got.Token, ".") != 2 || got.ExpiresOn == "" || got.Type != "Bearer" {
		return "", fmt.Sprintf("no token in %+v", got)
	}
	return got.Token, "token"
}

// chat asks a model with a token of the identity, and says what came of it.
func chat(q question) (string, error) {
	if q.token == "" {
		text, outcome := tokenOf(q)
		if text == "" {
			return "", fmt.Errorf("no token: %s", outcome)
		}
		q.token = text
	}
	deployment := cmp.Or(q.deployment, os.Getenv("AZURE_OPENAI_DEPLOYMENT"))
	address := os.Getenv("AZURE_OPENAI_ENDPOINT") + "openai/deployments/" + deployment + "/chat/completions?api-version=" + os.Getenv("OPENAI_API_VERSION")
	if q.base != "" {
		address = os.Getenv(q.base) + "chat/completions"
	}
	body, err := json.Marshal(map[string]any{
		"model": deployment, "max_tokens": 16, "messages": []map[string]string{{"role": "user", "content": "hello"}},
	})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(string(body)))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+q.token)
	var got struct {
		Choices []struct {
			Message struct{ Role, Content string }
		}
		Usage struct {
			Total int `json:"total_tokens"`
		}
	}
	if outcome := ask(request, &got); outcome != "" {
		return outcome, nil
	}
	if len(got.Choices) != 1 || got.Choices[0].Message.Role != "assistant" || got.Choices[0].Message.Content == "" || got.Usage.Total == 0 {
		return "", fmt.Errorf("no answer in %+v", got)
	}
	return "answered " + got.Choices[0].Message.Content, nil
}

// ask sends a request and reads a JSON answer; what it returns is why it could not:
// the status and, where there is one, the error's code.
func ask(request *http.Request, into any) string {
	client := http.Client{Timeout: 3 * patience} // a host side may be attaching
	answer, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err.Error()
	}
	if answer.StatusCode != http.StatusOK {
		var refused struct{ Error json.RawMessage }
		var detail struct{ Code string }
		_ = json.Unmarshal(text, &refused) // Entra's error is a string
		_ = json.Unmarshal(refused.Error, &detail)
		return strings.TrimSpace(fmt.Sprintf("%d %s", answer.StatusCode, detail.Code))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return err.Error()
	}
	return ""
}
