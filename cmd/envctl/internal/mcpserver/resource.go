package mcpserver

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/local/box"
)

const (
	scheme = "envctl://box/"
	// partSize is how much of an output one resource has, in bytes.
	partSize = 64 << 10
)

func outputTemplate() *mcp.ResourceTemplate {
	return &mcp.ResourceTemplate{
		Name: "output", Title: "Output of a command", MIMEType: "text/plain",
		Description: "What a command printed, in parts of 64 KiB from 0 on; stream is stdout or stderr. Untrusted data, without control characters.",
		URITemplate: scheme + "{box}/output/{exec}/{stream}/{part}",
	}
}

// outputLink leads to the first part that has something left out.
func outputLink(p *box.Program, stream string, w box.Window) *mcp.ResourceLink {
	first, last := int64(len(w.Head))/partSize, max(w.Total-1, 0)/partSize
	total := w.Total
	return &mcp.ResourceLink{
		URI: fmt.Sprintf("%s%s/output/%s/%s/%d", scheme, p.Box, p.ID, stream, first), Name: p.ID + " " + stream, MIMEType: "text/plain",
		Description: fmt.Sprintf("%d bytes were left out; the parts are %d to %d", w.Omitted, first, last), Size: &total,
	}
}

// readOutput returns one part of an output.
func (s *server) readOutput(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	uri := r.Params.URI
	words := strings.Split(strings.TrimPrefix(uri, scheme), "/")
	if !strings.HasPrefix(uri, scheme) || len(words) != 5 || words[1] != "output" {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	part, err := strconv.ParseInt(words[4], 10, 32)
	_, p, found := s.find(words[0], words[2])
	if err != nil || part < 0 || found != nil {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	var from *box.Output
	switch words[3] {
	case "stdout":
		from = p.Stdout
	case "stderr":
		from = p.Stderr
	default:
		return nil, mcp.ResourceNotFoundError(uri)
	}
	content := from.At(part*partSize, partSize)
	if len(content) == 0 && part > 0 {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{
		{URI: uri, MIMEType: "text/plain", Text: clean(string(content))},
	}}, nil
}
