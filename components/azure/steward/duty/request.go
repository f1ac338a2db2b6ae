package duty

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// mostBody is how much of an answer is read.
const mostBody = 4 << 20

// answer is one response.
type answer struct {
	status int
	body   []byte
	after  time.Duration // Retry-After
}

// token asks the platform for a token of the identity. A new identity is known
// everywhere only after a while.
func (s *Steward) token(ctx context.Context, audience string) (string, error) {
	endpoint, err := s.need("IDENTITY_ENDPOINT")
	if err != nil {
		return "", err
	}
	query := url.Values{"api-version": {"2019-08-01"}, "resource": {audience}}
	if client := s.Getenv(EnvClient); client != "" {
		query.Set("client_id", client)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"?"+query.Encode(), nil)
	if err != nil {
		return "", fmt.Errorf("identity endpoint %q: %w", endpoint, err)
	}
	request.Header.Set("X-IDENTITY-HEADER", s.Getenv("IDENTITY_HEADER"))
	a, err := s.send(request)
	if err != nil {
		return "", err
	}
	var reply struct {
		Token string `json:"access_token"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &reply) != nil || reply.Token == "" {
		return "", wait{why: "the identity has no token yet: " + a.String(), after: a.after}
	}
	return reply.Token, nil
}

// call sends one request with a token.
func (s *Steward) call(ctx context.Context, method, target, audience, body string) (answer, error) {
	token, err := s.token(ctx, audience)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, target, err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return s.send(request)
}

// send returns what was answered; no answer at all is worth another attempt.
func (s *Steward) send(request *http.Request) (answer, error) {
	response, err := s.HTTP.Do(request)
	if err != nil {
		if request.Context().Err() != nil {
			return answer{}, request.Context().Err()
		}
		return answer{}, wait{why: "no answer: " + err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBody))
	if err != nil {
		return answer{}, wait{why: "the answer broke off: " + err.Error()}
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // 0: not given in seconds
	return answer{response.StatusCode, body, min(max(0, time.Duration(seconds)*time.Second), time.Minute)}, nil
}

// String is the status with the code and message that Azure gives.
func (a answer) String() string {
	var reply struct {
		Error struct{ Code, Message string }
	}
	text := "HTTP " + strconv.Itoa(a.status)
	if json.Unmarshal(a.body, &reply) == nil && reply.Error.Code != "" {
		text += " " + reply.Error.Code + ": " + reply.Error.Message
	}
	return text
}

// passing says that the answer may be another one soon: rights that have no
// effect yet, a busy resource, too many requests, or trouble at the other end.
func (a answer) passing() bool {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return a.status >= http.StatusInternalServerError
}

// failure is the answer as an error.
func (a answer) failure() error {
	if a.passing() {
		return wait{why: a.String(), after: a.after}
	}
	return fmt.Errorf("%s", a)
}
