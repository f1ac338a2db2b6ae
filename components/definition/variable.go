package definition

import "strings"

// URLVariable is the variable that carries the address of an app to a workload
// that needs it: STORE_URL for store.
func URLVariable(app string) string { return variable(app) + "_URL" }

// EndpointVariable is the variable that carries the endpoint of a model: CHAT_ENDPOINT for chat.
func EndpointVariable(model string) string { return variable(model) + "_ENDPOINT" }

// DeploymentVariable is the variable that carries the deployment name of a model: CHAT_DEPLOYMENT for chat.
func DeploymentVariable(model string) string { return variable(model) + "_DEPLOYMENT" }

func variable(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }
