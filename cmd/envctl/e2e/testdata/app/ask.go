package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// ask puts a question to a model with nothing but the variables that it finds, as code
// in Container Apps does: ask TEXT [MAX_TOKENS]. It prints the status and the body.
func ask(args []string) error {
	token, err := token("https://cognitiveservices.azure.com")
	if err != nil {
		return err
	}
	question := map[string]any{"messages": []map[string]string{{"role": "user", "content": args[0]}}}
	if len(args) > 1 {
		question["max_tokens"] = json.Number(args[1])
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, os.Getenv("AZURE_OPENAI_ENDPOINT")+"openai/deployments/"+
		os.Getenv("AZURE_OPENAI_DEPLOYMENT")+"/chat/completions?api-version="+os.Getenv("OPENAI_API_VERSION"), strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	return show(request)
}

// identity asks for a token for a resource and prints whether there is one.
func identity(args []string) error {
	if _, err := token(args[0]); err != nil {
		return err
	}
	fmt.Println("token")
	return nil
}

// credentials prints a token for models and the header that it is had by.
func credentials([]string) error {
	text, err := token("https://cognitiveservices.azure.com")
	fmt.Println(text, os.Getenv("IDENTITY_HEADER"))
	return err
}

// replay uses a token, and a header, that somebody else has had: replay TOKEN HEADER.
// It prints both answers.
func replay(args []string) error {
	request, err := http.NewRequest(http.MethodGet, os.Getenv("OPENAI_BASE_URL")+"models", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+args[0])
	if err := show(request); err != nil {
		return err
	}
	if err := os.Setenv("IDENTITY_HEADER", args[1]); err != nil {
		return err
	}
	_, err = token("https://cognitiveservices.azure.com")
	fmt.Println("\n", err)
	return nil
}

func token(resource string) (string, error) {
	request, err := http.NewRequest(http.MethodGet, os.Getenv("IDENTITY_ENDPOINT")+"?api-version=2019-08-01&client_id="+
		os.Getenv("AZURE_CLIENT_ID")+"&resource="+url.QueryEscape(resource), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("X-IDENTITY-HEADER", os.Getenv("IDENTITY_HEADER"))
	response, err := (&http.Client{Timeout: 2 * patience}).Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("token: %d %s %w", response.StatusCode, raw, err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	return answer.AccessToken, json.Unmarshal(raw, &answer)
}

func show(request *http.Request) error {
	response, err := (&http.Client{Timeout: 4 * patience}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	fmt.Println(response.StatusCode)
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
