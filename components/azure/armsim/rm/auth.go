package rm

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/entra"
)

// authenticate checks the token: of this tenant's stand-in, in time and for
// Resource Manager. The texts are the service's.
func (s *Server) authenticate(r *http.Request) (entra.Claims, *answer.Error) {
	deny := func(code, format string, args ...any) *answer.Error {
		e := answer.Errorf(http.StatusUnauthorized, code, format, args...)
		e.Header = http.Header{"Www-Authenticate": {`Bearer authorization_uri="https://login.microsoftonline.com/` + s.World.Tenant + `", error="invalid_token", error_description="` + code + `"`}}
		return e
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return entra.Claims{}, deny("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	}
	claims, err := s.Signer.Verify(token, s.Now())
	switch {
	case errors.Is(err, entra.ErrExpired):
		return claims, deny("ExpiredAuthenticationToken", "The access token expiry UTC time '%s' is earlier than current UTC time '%s'.", time.Unix(claims.Expires, 0).UTC().Format("1/2/2006 3:04:05 PM"), s.Now().UTC().Format("1/2/2006 3:04:05 PM"))
	case err != nil:
		return claims, deny("InvalidAuthenticationToken", "The access token is invalid.")
	case !slices.Contains(s.Audiences, strings.TrimSuffix(claims.Audience, "/")):
		return claims, deny("InvalidAuthenticationTokenAudience", "The access token has been obtained for wrong audience or resource '%s'. It should exactly match with one of the allowed audiences '%s'.", claims.Audience, strings.Join(s.Audiences, "','"))
	}
	return claims, nil
}

// verb is the last part of an action's name.
func verb(op string) string {
	switch op {
	case "put", "patch":
		return "/write"
	case "delete":
		return "/delete"
	case "post":
		return "/action"
	}
	return "/read"
}
