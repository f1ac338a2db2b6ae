package duty

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ready ends when every deployment answers this identity. The question is one
// that costs nothing: a deployment that is there refuses an empty request.
func (s *Steward) ready(ctx context.Context) error {
	endpoint, err := s.need(EnvEndpoint)
	if err != nil {
		return err
	}
	audience, err := s.need(EnvAudience)
	if err != nil {
		return err
	}
	version, err := s.need(EnvAPIVersion)
	if err != nil {
		return err
	}
	deployments, err := s.need(EnvDeployments)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(deployments, ",") {
		target := fmt.Sprintf("%s/openai/deployments/%s/chat/completions?api-version=%s",
			strings.TrimSuffix(endpoint, "/"), url.PathEscape(name), url.QueryEscape(version))
		err := s.until(ctx, fmt.Sprintf("the model deployment %q to answer", name), func(ctx context.Context) error {
			a, err := s.call(ctx, http.MethodPost, target, audience, "{}")
			if err == nil && !answers(a.status) {
				return wait{why: a.String(), after: a.after}
			}
			return err
		})
		if err != nil {
			return err
		}
		s.say("the model deployment %q answers", name)
	}
	return nil
}

// answers says that the deployment itself has taken the request, whatever it
// thinks of it: it is there and the identity may call it.
func answers(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType, http.StatusTooManyRequests:
		return true
	}
	return status < http.StatusMultipleChoices
}
