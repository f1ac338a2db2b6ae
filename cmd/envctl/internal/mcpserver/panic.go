package mcpserver

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// survive answers a call that panics with an error: the server has the boxes of other
// calls, which would end with it.
func survive(log *slog.Logger) mcp.Middleware {
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (result mcp.Result, err error) {
			defer func() {
				if fault := recover(); fault != nil {
					log.Error("a call met a fault of envctl", "method", method, "fault", fault, "stack", string(debug.Stack()))
					result, err = nil, fmt.Errorf("%s met a fault of envctl, which its log on stderr has; the boxes are as they were", method)
				}
			}()
			return next(ctx, method, req)
		}
	}
}
