// Command openai is a workload that knows nothing of envctl: it calls models through
// Microsoft's and OpenAI's own Go clients, with nothing but the variables it finds,
// as the same code does on Azure. It prints a line for each thing it did.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// scope is what a token for models is asked for.
const scope = "https://cognitiveservices.azure.com/.default"

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func run(ctx context.Context) error {
	identity, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ID: azidentity.ClientID(os.Getenv("AZURE_CLIENT_ID")),
	})
	if err != nil {
		return err
	}
	usual, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return err
	}
	azureClient := openai.NewClient(
		azure.WithEndpoint(os.Getenv("AZURE_OPENAI_ENDPOINT"), os.Getenv("OPENAI_API_VERSION")),
		azure.WithTokenCredential(identity),
	)
	if err := calls(ctx, "azure", azureClient); err != nil {
		return err
	}
	token, err := usual.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return fmt.Errorf("default credential: %w", err)
	}
	// The base URL is that of OPENAI_BASE_URL, which the client reads itself.
	if err := calls(ctx, "openai", openai.NewClient(option.WithAPIKey(token.Token))); err != nil {
		return err
	}
	return refusals(ctx, identity)
}

// calls makes one of each.
func calls(ctx context.Context, name string, client openai.Client) error {
	model := os.Getenv("AZURE_OPENAI_DEPLOYMENT")
	params := openai.ChatCompletionNewParams{
		Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello")},
	}
	answer, err := client.Chat.Completions.New(ctx, params)
	if err != nil {
		return fmt.Errorf("%s chat: %w", name, err)
	}
	fmt.Printf("%s chat: %s (%d tokens)\n", name, answer.Choices[0].Message.Content, answer.Usage.TotalTokens)

	stream := client.Chat.Completions.NewStreaming(ctx, params)
	var text strings.Builder
	parts := 0
	for stream.Next() {
		if choices := stream.Current().Choices; len(choices) > 0 {
			text.WriteString(choices[0].Delta.Content)
			parts++
		}
	}
	if err := stream.Err(); err != nil {
		return fmt.Errorf("%s stream: %w", name, err)
	}
	fmt.Printf("%s stream: %s (%d parts)\n", name, text.String(), parts)

	vectors, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model: "embed", Input: openai.EmbeddingNewParamsInputUnion{OfString: openai.String("hello")},
	})
	if err != nil {
		return fmt.Errorf("%s embeddings: %w", name, err)
	}
	fmt.Printf("%s embeddings: %v\n", name, vectors.Data[0].Embedding)

	response, err := client.Responses.New(ctx, responses.ResponseNewParams{
		Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hello")},
	})
	if err != nil {
		return fmt.Errorf("%s responses: %w", name, err)
	}
	fmt.Printf("%s responses: %s\n", name, response.OutputText())
	return endings(ctx, name, client, params)
}

// endings calls a model in ways that do not end well.
func endings(ctx context.Context, name string, client openai.Client, params openai.ChatCompletionNewParams) error {
	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage("fail")}
	_, err := client.Chat.Completions.New(ctx, params, option.WithMaxRetries(0))
	var refused *openai.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("%s error: %v, expected one of the API", name, err)
	}
	fmt.Printf("%s error: %d %s %s\n", name, refused.StatusCode, refused.Code, refused.Message)

	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage("forever")}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := client.Chat.Completions.NewStreaming(ctx, params)
	if !stream.Next() {
		return fmt.Errorf("%s cancelled stream: %w", name, stream.Err())
	}
	cancel()
	for stream.Next() {
	}
	fmt.Printf("%s cancelled stream: %v\n", name, errors.Is(stream.Err(), context.Canceled))
	return nil
}

// refusals asks for what this workload was not given.
func refusals(ctx context.Context, identity azcore.TokenCredential) error {
	_, err := identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}})
	if err == nil {
		return errors.New("a token for a vault, expected a refusal")
	}
	fmt.Println("vault:", strings.Contains(err.Error(), "Key Vault Secrets User"))
	client := openai.NewClient(option.WithAPIKey("sk-real-key"), option.WithMaxRetries(0))
	_, err = client.Models.List(ctx)
	var refused *openai.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("with a key: %v, expected a refusal", err)
	}
	fmt.Println("key:", refused.StatusCode, refused.Code)
	return nil
}
