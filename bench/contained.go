package main

import (
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/sandbox"
)

const (
	proxyImage = "envctl-bench/proxy:1"
	// containedCount are the containers of a sandbox with a way out: an app and its
	// gateway, or its proxy.
	containedCount = 2
	// containedName is the experiment's and the project's name.
	containedName = "envctl-bench-contained"
	// egressHost is the one host that the app may reach. Nothing is sent there.
	egressHost = "example.com"
	// proxyMemory is what envctl's gateway may take too.
	proxyMemory = 128 << 20
	// proxyCheck is how often Compose has the proxy asked whether it is there, so
	// that the app starts when it is.
	proxyCheck = "100ms"
)

// The contenders of the sandbox with a way out.
const (
	containedCompose = "compose with a proxy"
	containedEnvctl  = "envctl with egress"
)

// timeContained times the up and down of one app that may reach one host: with
// envctl, and with a Compose file of the same containment.
func (r *report) timeContained(ctx context.Context, o options, engine *client.Client, dir string, log io.Writer) error {
	if !r.have(o, "envctl") || !r.have(o, "docker-compose") {
		return nil
	}
	if err := loadImage(ctx, engine, proxyImage, filepath.Join(o.src, "proxy"), dir); err != nil {
		return err
	}
	command, env, err := composeCommand(o, dir)
	if err != nil {
		return err
	}
	sizes := []int{containedCount}
	file, err := writeEach(filepath.Join(dir, "contained"), "compose.yaml", sizes, func(int) any { return containedFile() })
	if err != nil {
		return err
	}
	compose := func(verb ...string) func(int) []string {
		return func(n int) []string {
			return slices.Concat(command, []string{"-p", containedName, "-f", file(n)}, verb)
		}
	}
	written, err := writeEach(filepath.Join(dir, "contained"), "envctl.yaml", sizes, func(int) any { return containedDefinition() })
	if err != nil {
		return err
	}
	envctl := func(verb string) func(int) []string {
		return func(n int) []string { return []string{filepath.Join(o.bin, "envctl"), verb, "-f", written(n)} }
	}
	race := &race{sizes: sizes, witness: witness{engine}, log: log, contenders: []contender{
		{name: containedCompose, label: "com.docker.compose.project=" + containedName, env: env, up: compose("up", "-d"), down: compose("down")},
		{name: containedEnvctl, label: "dev.envctl.experiment=" + containedName, env: privateHome(filepath.Join(dir, "contained")), up: envctl("up"), down: envctl("down")},
	}}
	err = race.run(ctx, o.rounds)
	r.Cells = append(r.Cells, race.cells...)
	return err
}

// containedFile is the Compose file: an app on a network without a way out, and a
// proxy on that network and on another one.
func containedFile() map[string]any {
	app := composeService(appName(0))
	proxy := "http://proxy:3128"
	app["environment"] = map[string]string{
		"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "http_proxy": proxy, "https_proxy": proxy, "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1",
	}
	app["depends_on"] = map[string]any{"proxy": map[string]any{"condition": "service_healthy"}}
	w := plan.Workload{Kind: plan.App, Name: "proxy", User: user, CPU: 0.5, Memory: proxyMemory, Scratch: tmp}
	way := service(proxyImage, "proxy", sandbox.New(sandbox.Gateway, w, "sandbox", "outside"))
	delete(way, "dns") // it resolves hosts
	maps.Copy(way, map[string]any{
		"command":     []string{egressHost + ":443"},
		"healthcheck": map[string]any{"test": []string{"CMD", "/program", "check"}, "interval": proxyCheck, "timeout": "5s", "retries": 100},
		"networks":    map[string]any{"sandbox": map[string]any{}, "outside": map[string]any{}},
	})
	file := composeFile(0)
	file["services"] = map[string]any{appName(0): app, "proxy": way}
	file["networks"].(map[string]any)["outside"] = map[string]any{"driver": "bridge"}
	return file
}

// containedDefinition is the same as an envctl definition.
func containedDefinition() map[string]any {
	d := definition(containedName, 1)
	d["apps"].(map[string]any)[appName(0)].(map[string]any)["egress"] = []string{egressHost}
	return d
}

// contained is the row of the sandbox with a way out.
func (r *report) contained(t *table) {
	mine, other := r.cell(containedEnvctl, stepUp, containedCount), r.cell(containedCompose, stepUp, containedCount)
	if mine != nil || other != nil {
		t.compared("up of an app with egress / compose file of the same containment", mine, other, mine, other, bar{value: 1})
	}
}
