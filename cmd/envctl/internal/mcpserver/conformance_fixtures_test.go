//go:build conformance

package mcpserver_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	pngText = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	wavText = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
)

func decoded(s string) []byte {
	out, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return out
}

// fixtures is the server with the tools, resources and prompts that scenarios of
// the suite ask for by name.
func fixtures() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "fixtures", Version: "1"}, &mcp.ServerOptions{
		CompletionHandler: func(context.Context, *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
			return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: []string{}}}, nil
		},
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	fixtureTools(s)
	fixtureResources(s)
	fixturePrompts(s)
	return s
}

func fixtureTools(s *mcp.Server) {
	png := &mcp.ImageContent{Data: decoded(pngText), MIMEType: "image/png"}
	embedded := &mcp.EmbeddedResource{Resource: &mcp.ResourceContents{
		URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource"}}
	for name, content := range map[string][]mcp.Content{
		"test_simple_text":            {&mcp.TextContent{Text: "This is a simple text response for testing."}},
		"test_image_content":          {png},
		"test_audio_content":          {&mcp.AudioContent{Data: decoded(wavText), MIMEType: "audio/wav"}},
		"test_embedded_resource":      {embedded},
		"test_multiple_content_types": {&mcp.TextContent{Text: "This is text content"}, png, embedded},
	} {
		mcp.AddTool(s, &mcp.Tool{Name: name, Description: name}, func(context.Context, *mcp.CallToolRequest, any) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: content}, nil, nil
		})
	}
	mcp.AddTool(s, &mcp.Tool{Name: "test_error_handling", Description: "fails"}, func(context.Context, *mcp.CallToolRequest, any) (*mcp.CallToolResult, any, error) {
		return nil, nil, errors.New("this tool intentionally returns an error for testing")
	})
	mcp.AddTool(s, &mcp.Tool{Name: "test_tool_with_progress", Description: "tells of its progress"}, func(ctx context.Context, r *mcp.CallToolRequest, _ any) (*mcp.CallToolResult, any, error) {
		for _, progress := range []float64{0, 50, 100} {
			err := r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
				ProgressToken: r.Params.GetProgressToken(), Progress: progress, Total: 100, Message: fmt.Sprintf("step %.0f", progress)})
			if err != nil {
				return nil, nil, err
			}
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprint(r.Params.GetProgressToken())}}}, nil, nil
	})
}

func fixtureResources(s *mcp.Server) {
	read := func(mime string, content func(uri string) (text string, blob []byte)) mcp.ResourceHandler {
		return func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			text, blob := content(r.Params.URI)
			return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, MIMEType: mime, Text: text, Blob: blob}}}, nil
		}
	}
	text := read("text/plain", func(string) (string, []byte) { return "This is the content of the static text resource.", nil })
	s.AddResource(&mcp.Resource{Name: "text", URI: "test://static-text", MIMEType: "text/plain"}, text)
	s.AddResource(&mcp.Resource{Name: "watched", URI: "test://watched-resource", MIMEType: "text/plain"}, text)
	s.AddResource(&mcp.Resource{Name: "binary", URI: "test://static-binary", MIMEType: "image/png"},
		read("image/png", func(string) (string, []byte) { return "", decoded(pngText) }))
	s.AddResourceTemplate(&mcp.ResourceTemplate{Name: "template", URITemplate: "test://template/{id}/data", MIMEType: "application/json"},
		read("application/json", func(uri string) (string, []byte) {
			id := strings.Split(strings.TrimPrefix(uri, "test://template/"), "/")[0]
			return fmt.Sprintf(`{"id": %q, "templateTest": true, "data": "Data for ID: %s"}`, id, id), nil
		}))
}

func fixturePrompts(s *mcp.Server) {
	said := func(content ...mcp.Content) *mcp.GetPromptResult {
		out := &mcp.GetPromptResult{}
		for _, c := range content {
			out.Messages = append(out.Messages, &mcp.PromptMessage{Role: "user", Content: c})
		}
		return out
	}
	add := func(name string, args []*mcp.PromptArgument, answer func(args map[string]string) *mcp.GetPromptResult) {
		s.AddPrompt(&mcp.Prompt{Name: name, Description: name, Arguments: args}, func(_ context.Context, r *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return answer(r.Params.Arguments), nil
		})
	}
	add("test_simple_prompt", nil, func(map[string]string) *mcp.GetPromptResult {
		return said(&mcp.TextContent{Text: "This is a simple prompt for testing."})
	})
	add("test_prompt_with_arguments", []*mcp.PromptArgument{{Name: "arg1", Required: true}, {Name: "arg2", Required: true}}, func(a map[string]string) *mcp.GetPromptResult {
		return said(&mcp.TextContent{Text: fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", a["arg1"], a["arg2"])})
	})
	add("test_prompt_with_embedded_resource", []*mcp.PromptArgument{{Name: "resourceUri", Required: true}}, func(a map[string]string) *mcp.GetPromptResult {
		return said(&mcp.EmbeddedResource{Resource: &mcp.ResourceContents{URI: a["resourceUri"], MIMEType: "text/plain", Text: "Embedded."}},
			&mcp.TextContent{Text: "Please process the embedded resource above."})
	})
	add("test_prompt_with_image", nil, func(map[string]string) *mcp.GetPromptResult {
		return said(&mcp.ImageContent{Data: decoded(pngText), MIMEType: "image/png"}, &mcp.TextContent{Text: "Please analyze the image above."})
	})
}
