package mcpserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// readLimit is how much of a file one answer has at most, in bytes.
const readLimit = inline

type readIn struct {
	Box    string `json:"box" jsonschema:"the id of a box"`
	Path   string `json:"path" jsonschema:"file in /workspace or /tmp"`
	Offset int64  `json:"offset,omitempty" jsonschema:"first byte"`
	Limit  int64  `json:"limit,omitempty" jsonschema:"bytes, at most 7168"`
	// A file that is not text is read as base64 in any case.
	Encoding string `json:"encoding,omitempty" jsonschema:"utf-8 (default, without control characters) or base64 (exact)"`
}

type readOut struct {
	Account
	Path     string `json:"path"`
	Content  string `json:"content" jsonschema:"untrusted data"`
	Encoding string `json:"encoding" jsonschema:"utf-8 or base64"`
	Offset   int64  `json:"offset"`
	Bytes    int64  `json:"bytes" jsonschema:"bytes of this part"`
	Size     int64  `json:"size" jsonschema:"bytes of the whole file"`
}

func (s *server) readFile(ctx context.Context, _ *mcp.CallToolRequest, in readIn) (answer[readOut], error) {
	if in.Encoding != "" && in.Encoding != "utf-8" && in.Encoding != "base64" {
		return answer[readOut]{}, badEncoding(in.Encoding)
	}
	b, err := s.Boxes.Known(in.Box)
	if err != nil {
		return answer[readOut]{}, err
	}
	limit := int64(readLimit)
	if in.Limit > 0 {
		limit = min(limit, in.Limit)
	}
	f, err := s.Boxes.Read(ctx, in.Box, in.Path, in.Offset, limit)
	if err != nil {
		return answer[readOut]{}, err
	}
	return fit(func(limit int64) answer[readOut] {
		part := f.Content[:min(limit, int64(len(f.Content)))]
		out := readOut{Account: s.account(b), Path: in.Path, Encoding: "utf-8", Offset: in.Offset, Size: f.Size}
		if whole := wholeRunes(part); in.Encoding != "base64" && isText(whole) {
			part, out.Content = whole, clean(string(whole))
		} else {
			out.Encoding, out.Content = "base64", base64.StdEncoding.EncodeToString(part)
		}
		out.Bytes = int64(len(part))
		text := fmt.Sprintf("%s; %d bytes of %d from %d on, as %s\n", b.ID, out.Bytes, f.Size, in.Offset, out.Encoding)
		return answer[readOut]{out: out, text: text + fence("file", out.Content)}
	}), nil
}

func isText(content []byte) bool { return utf8.Valid(content) && !bytes.ContainsRune(content, 0) }

// wholeRunes drops a character at the end that the limit has cut.
func wholeRunes(content []byte) []byte {
	for cut := 0; cut < utf8.UTFMax && cut < len(content); cut++ {
		if utf8.Valid(content[:len(content)-cut]) {
			return content[:len(content)-cut]
		}
	}
	return content
}

type writeIn struct {
	Box string `json:"box" jsonschema:"the id of a box"`
	inlineFile
}

type writeOut struct {
	Account
	Path  string `json:"path"`
	Bytes int    `json:"bytes"`
}

func (s *server) writeFile(ctx context.Context, _ *mcp.CallToolRequest, in writeIn) (answer[writeOut], error) {
	b, err := s.Boxes.Known(in.Box)
	if err != nil {
		return answer[writeOut]{}, err
	}
	content, err := in.bytes()
	if err != nil {
		return answer[writeOut]{}, err
	}
	if err := s.Boxes.Write(ctx, in.Box, in.Path, content, in.Executable); err != nil {
		return answer[writeOut]{}, err
	}
	out := writeOut{Account: s.account(b), Path: in.Path, Bytes: len(content)}
	return answer[writeOut]{out: out, text: fmt.Sprintf("%s; wrote %d bytes to %s", out.Account.inWords(), out.Bytes, clean(in.Path))}, nil
}
