package models

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/envctl/envctl/local/models/ledger"
)

// refusal is an error as an app gets it, in the shape that OpenAI and Azure share.
type refusal struct {
	status  int
	code    string
	kind    string
	param   string
	message string
	final   bool // asking again is of no use
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, code, format string, args ...any) *refusal {
	kind := "server_error"
	if status < http.StatusInternalServerError {
		kind = "invalid_request_error"
	}
	return &refusal{status: status, code: code, kind: kind, message: fmt.Sprintf(format, args...), final: status < http.StatusInternalServerError}
}

// body is the error's JSON.
func (r *refusal) body() []byte {
	type inner struct {
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
	}
	body := inner{Code: r.code, Message: r.message, Type: r.kind}
	if r.param != "" {
		body.Param = &r.param
	}
	raw, _ := json.Marshal(map[string]inner{"error": body}) // strings always marshal
	return raw
}

func (r *refusal) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	// OpenAI's clients ask again after 408, 409, 429 and 5xx unless this says otherwise.
	w.Header().Set("X-Should-Retry", strconv.FormatBool(!r.final))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body()) // a client that is gone reads no error
}

// noDeployment is Azure's answer for a name that has no deployment. A model that
// others may use is none to who may not.
func noDeployment(name string) *refusal {
	return refuse(http.StatusNotFound, "DeploymentNotFound",
		"The API deployment %q does not exist for this app: give it a name that the app's models in envctl.yaml have.", name)
}

func notFound(path string) *refusal {
	return refuse(http.StatusNotFound, "404", "Resource not found: %q is none of the paths that envctl serves for models.", path)
}

// overBudget is 429, as Azure and OpenAI answer where a quota is used up.
func overBudget(e *ledger.Exceeded) *refusal {
	out := refuse(http.StatusTooManyRequests, "budget_exceeded", "%s: %s.", e, e.Hint())
	out.kind = "insufficient_quota"
	out.final = !e.Busy() // what is reserved is given back in a while
	return out
}
