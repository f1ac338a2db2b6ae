package targettest

import "strings"

// experiment is what the suite brings up: two apps, of which one needs the other
// and a model, and jobs, of which one does. @NAME@ is the experiment's name, @HEALTH@ the status of api's check.
const experiment = `name: @NAME@
ttl: 1h
secrets:
  token: {env: SUITE_TOKEN}
apps:
  store:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    env: {WHO: store}
    ingress: {port: 6379}
    health: {path: /healthz, interval: 1s, timeout: 1s, retries: 2, grace: 20s}
  api:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    env: {WHO: api, LOG_LEVEL: info, HEALTH: "@HEALTH@"}
    secrets: {TOKEN: token}
    needs: [store]
    models: [chat]
    ingress: {port: 8080, public: true}
    health: {path: /healthz, interval: 1s, timeout: 1s, retries: 2, grace: 5s}
jobs:
  good:
    build: {context: app}
    args: [fetch, STORE_URL, /who]
    cpu: 0.25
    memory: 0.5Gi
    needs: [store]
    timeout: 1m
  think:
    build: {context: app}
    args: [chat]
    cpu: 0.25
    memory: 0.5Gi
    models: [chat]
    timeout: 1m
  leave:
    build: {context: app}
    args: [leave, /out/deep/er/result.txt, left by a job, "0"]
    cpu: 0.25
    memory: 0.5Gi
    outputs: /out
    timeout: 1m
  bad:
    build: {context: app}
    args: [exit, "7"]
    cpu: 0.25
    memory: 0.5Gi
    timeout: 1m
  slow:
    build: {context: app}
    args: [sleep, 1h]
    cpu: 0.25
    memory: 0.5Gi
    timeout: 2s
models:
  chat: {model: gpt-4o-mini, version: "2024-07-18", sku: GlobalStandard, capacity: 1}
targets:
  local: {models: {provider: echo}}
  azure: {location: swedencentral}
`

// Token is the value of the variable SUITE_TOKEN, the experiment's secret.
const Token = "s3cret-of-the-suite"

// wrong are definitions that no target takes, for the same reasons.
var wrong = map[string]string{
	"unknown-key":   "name: @NAME@\napps: {api: {build: {context: app}, colour: red}}\n",
	"no-image":      "name: @NAME@\napps: {api: {cpu: 0.25, memory: 0.5Gi}}\n",
	"needs-nobody":  "name: @NAME@\napps: {api: {build: {context: app}, needs: [store]}}\n",
	"needs-circle":  "name: @NAME@\napps:\n  a: {build: {context: app}, needs: [b], ingress: {port: 80}}\n  b: {build: {context: app}, needs: [a], ingress: {port: 80}}\n",
	"no-secret":     "name: @NAME@\napps: {api: {build: {context: app}, secrets: {A: b}}}\n",
	"memory":        "name: @NAME@\napps: {api: {build: {context: app}, memory: lots}}\n",
	"root":          "name: @NAME@\napps: {api: {build: {context: app}, user: 0}}\n",
	"port":          "name: @NAME@\napps: {api: {build: {context: app}, ingress: {port: 70000}}}\n",
	"secret-in-env": "name: @NAME@\napps: {api: {build: {context: app}, env: {KEY: AKIA" + "ABCDEFGH12345678}}}\n",
	"reserved-name": "name: @NAME@\napps: {api: {build: {context: app}, env: {CONTAINER_APP_NAME: x}}}\n",
}

func define(text, name, health string) []byte {
	return []byte(strings.NewReplacer("@NAME@", name, "@HEALTH@", health).Replace(text))
}
