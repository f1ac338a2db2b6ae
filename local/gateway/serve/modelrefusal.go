package serve

import (
	"net/http"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// refusedModel is an answer of the gateway's own, in the shape and, where the service
// has the case, in the words of Azure OpenAI.
type refusedModel struct {
	status        int
	code, message string
	reason        string // of the event, in few words that do not depend on the request
}

func (f *refusedModel) write(w http.ResponseWriter) {
	if f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5")
	}
	writeJSON(w, f.status, map[string]any{"error": map[string]string{"code": f.code, "message": f.message}})
}

func stranger() *refusedModel {
	return &refusedModel{http.StatusForbidden, "403",
		"The address of the request is not that of a workload that may call models.", "not a workload's address"}
}

func elsewhere() *refusedModel {
	return &refusedModel{http.StatusForbidden, "403",
		"The token is that of another workload than the one that shows it.", "the token of another workload"}
}

// keysAreOff is what an account answers whose local authentication is disabled, as
// those that envctl makes.
func keysAreOff() *refusedModel {
	return &refusedModel{http.StatusForbidden, "AuthenticationTypeDisabled",
		"Key based authentication is disabled for this resource.", "a key instead of a token"}
}

func unauthorized(reason string) *refusedModel {
	return &refusedModel{http.StatusUnauthorized, "Unauthorized",
		"Access token is missing, invalid, audience is incorrect (" + protocol.Resource + "), or have expired. In this sandbox: " + reason + ".", reason}
}

func notPermitted(principal, method, path string) *refusedModel {
	return &refusedModel{http.StatusUnauthorized, "PermissionDenied",
		"The principal `" + principal + "` lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action` to perform `" +
			method + " " + protocol.Reason(path) + "` operation.", "a workload without models"}
}

func notFound() *refusedModel {
	return &refusedModel{http.StatusNotFound, "404", "Resource not found", "no such path"}
}

func noDeployment() *refusedModel {
	return &refusedModel{http.StatusNotFound, "DeploymentNotFound",
		"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.", "no such deployment"}
}

func noUpgrade() *refusedModel {
	return &refusedModel{http.StatusNotImplemented, "501",
		"Connections that are upgraded (realtime) are not served in a sandbox.", "an upgraded connection"}
}

func tooLarge() *refusedModel {
	return &refusedModel{http.StatusRequestEntityTooLarge, "413",
		"The request is larger than 32 MiB.", "a request larger than 32 MiB"}
}

func tooSlow() *refusedModel {
	return &refusedModel{http.StatusRequestTimeout, "408",
		"The body of the request did not arrive within 2 minutes.", "a request that did not arrive"}
}

func tooManyCalls() *refusedModel {
	return &refusedModel{http.StatusTooManyRequests, "429",
		"More requests are under way than the gateway of this sandbox holds.", "too many requests at a time"}
}

func detached() *refusedModel {
	return &refusedModel{http.StatusServiceUnavailable, "ServiceUnavailable",
		"Nothing on the host answers for the models of this sandbox: envctl's process for them has ended. `envctl up` starts it again.", errDetached.Error()}
}

func hostFailed() *refusedModel {
	return &refusedModel{http.StatusBadGateway, "BadGateway",
		"The host's side of this sandbox's models ended before it answered.", "the host side ended before it answered"}
}
