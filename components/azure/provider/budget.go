package provider

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/azure/arm"
)

// eTagKey is the one property that has to be Azure's latest when it is sent.
const eTagKey = "eTag"

func (rt *resourceType) hasETag() bool {
	p, ok := rt.props[eTagKey]
	return ok && p.in
}

// eTagTries bounds how often a body is sent with a newer eTag.
const eTagTries = 3

// putBudget sends a budget with the eTag that Azure has now: with an older one
// Azure refuses it with 400 "There are changes made to Budget … get the latest",
// as it does when its own bookkeeping has changed the budget in between.
func putBudget(ctx context.Context, c Client, r request, id string, body, live map[string]any) (map[string]any, error) {
	body = maps.Clone(body)
	for try := 1; ; try++ {
		if live != nil {
			latest, err := c.Get(ctx, id, r.rt.api)
			if err != nil && !isNotFound(err) {
				return nil, err
			}
			delete(body, eTagKey)
			if tag, ok := latest[eTagKey].(string); ok {
				body[eTagKey] = tag
			}
		}
		answer, err := c.Put(ctx, id, r.rt.api, body)
		if err == nil || try == eTagTries || !staleETag(err) {
			return answer, explain(err)
		}
		live = map[string]any{}
	}
}

func staleETag(err error) bool {
	e, ok := errors.AsType[*arm.Error](err)
	refusals := []int{http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed}
	if !ok || !slices.Contains(refusals, e.StatusCode) {
		return false
	}
	text := strings.ToLower(e.Code + " " + e.Message)
	return strings.Contains(text, "get the latest") || strings.Contains(text, "changes made to budget") || strings.Contains(text, "etag")
}
