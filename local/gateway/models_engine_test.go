package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	modelsHost = "models.envctl.internal"
	modelsKey  = "a key of a test that has 32 bytes or more"
)

// modelsSection is the part of a configuration with which the workload called client
// may call the models chat and embed.
func modelsSection() protocol.Config {
	return protocol.Config{
		Identity: protocol.Identity{Listen: 4141, Tenant: protocol.TenantID("exp.default"), Clients: []protocol.IdentityClient{
			{App: "client", Host: "client", ClientID: protocol.ClientID("exp.default", "client"), Resources: []string{protocol.Resource}},
		}},
		Models: protocol.Models{Listen: 443, Host: modelsHost, Trust: gateway.TrustFolder, Clients: []protocol.ModelsClient{
			{App: "client", Host: "client", Models: []string{"chat", "embed"}},
		}},
	}
}

// trust makes a volume and returns how it is mounted.
func (r *rig) trust() mount.Mount {
	r.tb.Helper()
	name := r.internal + ".trust"
	if _, err := r.docker.VolumeCreate(r.tb.Context(), client.VolumeCreateOptions{Name: name, Labels: r.labels}); err != nil {
		r.tb.Fatal(err)
	}
	r.cleanup(func(ctx context.Context) error {
		_, err := r.docker.VolumeRemove(ctx, name, client.VolumeRemoveOptions{Force: true})
		return err
	})
	return mount.Mount{Type: mount.TypeVolume, Source: name, Target: gateway.TrustFolder}
}

// workload is a container that finds what an app with models finds.
func (r *rig) workload(name, image, gatewayIP string, volume mount.Mount) spec {
	volume.ReadOnly = true
	return spec{
		name: name, image: image, network: r.internal, memory: 256 << 20, mounts: []mount.Mount{volume},
		hosts: []string{"gateway:" + gatewayIP, modelsHost + ":" + gatewayIP},
		env: []string{
			"IDENTITY_ENDPOINT=http://gateway:4141/msi/token",
			"IDENTITY_HEADER=" + protocol.IdentityHeader(modelsKey, "client"),
			"AZURE_CLIENT_ID=" + protocol.ClientID("exp.default", "client"),
			"AZURE_OPENAI_ENDPOINT=https://" + modelsHost + "/",
			"OPENAI_BASE_URL=https://" + modelsHost + "/openai/v1/",
			"OPENAI_API_VERSION=2024-10-21", "AZURE_OPENAI_DEPLOYMENT=chat",
			"SSL_CERT_DIR=" + gateway.TrustFolder + ":/etc/ssl/certs:/etc/pki/tls/certs",
		},
	}
}

// attach serves handler at the gateway in a container until the test ends.
func attach(t *testing.T, id string, handler http.Handler) (detach func() error) {
	t.Helper()
	engine := dockertest.Engine(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stream, err := engine.ExecStream(t.Context(), id, gateway.TunnelCommand())
	if err != nil {
		t.Fatal(err)
	}
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- gateway.Attach(ctx, stream, handler, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("not attached: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("not attached within 20 s")
	}
	detach = func() error {
		cancel(errors.New("detached"))
		err := <-done
		done <- err
		return err
	}
	t.Cleanup(func() { _ = detach() })
	return detach
}

// TestOfficialClientsInsideCallModels runs a program that knows nothing of envctl in a
// hardened container without a way out, with the models on this side of the engine.
func TestOfficialClientsInsideCallModels(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	image := r.appImage("../../bench/openai", "envctl/gatewaytest:client-"+r.internal[len(r.internal)-8:])
	volume := r.trust()
	id := r.startGatewayWith(modelsSection(), spec{env: []string{protocol.EnvKey + "=" + modelsKey}, mounts: []mount.Mount{volume}})
	api := &fakeModels{hungUp: make(chan struct{}, 2)}
	attach(t, id, api)

	ip := r.inspect(id).NetworkSettings.Networks[r.internal].IPAddress
	got := r.run(r.workload("client", image, ip.String(), volume))
	var want strings.Builder
	for _, name := range []string{"azure", "openai"} {
		fmt.Fprintf(&want, `%[1]s chat: client says hello (7 tokens)
%[1]s stream: client says hello (3 parts)
%[1]s embeddings: [0.5 -0.25]
%[1]s responses: client says hello
%[1]s error: 429 budget_exceeded the budget is used up
%[1]s cancelled stream: true
`, name)
	}
	want.WriteString("vault: true\nkey: 401 Unauthorized\ndone")
	if got != want.String() {
		t.Errorf("the client said\n%s\nexpected\n%s\nthe gateway said\n%s", got, &want, r.output(id))
	}
	for range 2 {
		select {
		case <-api.hungUp:
		case <-time.After(10 * time.Second):
			t.Error("the host was not told that a stream was cancelled")
		}
	}
	if credentials := api.credentials.Load(); credentials != nil {
		t.Errorf("a credential of the workload came to the host: %v", *credentials)
	}
	for _, event := range []string{
		`"event":"identity","app":"client","reason":"Cognitive Services OpenAI User","count":1,"resource":"https://cognitiveservices.azure.com","allowed":true`,
		`"resource":"https://vault.azure.net"`,
		`"event":"models","app":"client","reason":"the token is not one of this sandbox"`,
	} {
		if !strings.Contains(r.output(id), event) {
			t.Errorf("events %s, expected %s", r.output(id), event)
		}
	}
}

// TestNeighbourHasNoModels holds that the variables of a workload are of no use at
// another address, and that the authority survives the gateway.
func TestNeighbourHasNoModels(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	volume := r.trust()
	cfg, key := modelsSection(), []string{protocol.EnvKey + "=" + modelsKey}
	id := r.startGatewayWith(cfg, spec{env: key, mounts: []mount.Mount{volume}})
	attach(t, id, &fakeModels{})
	ip := r.inspect(id).NetworkSettings.Networks[r.internal].IPAddress

	neighbour := r.workload("neighbour", r.image, ip.String(), volume)
	neighbour.cmd = []string{"token"}
	if got := r.run(neighbour); !strings.HasPrefix(got, "403 ") || !strings.Contains(got, "not that of a workload") {
		t.Errorf("a neighbour with the workload's header got %q, expected 403", got)
	}
	read := func(name string) string {
		reader := r.workload(name, r.image, ip.String(), volume)
		reader.cmd = []string{"read", gateway.TrustFolder + "/" + protocol.TrustFile}
		return r.run(reader)
	}
	first := read("reader1")
	if !strings.Contains(first, "BEGIN CERTIFICATE") {
		t.Fatalf("trust: %q", first)
	}
	if _, err := r.docker.ContainerRestart(t.Context(), id, client.ContainerRestartOptions{}); err != nil {
		t.Fatal(err)
	}
	if again := read("reader2"); again != first {
		t.Errorf("after a restart the trust is %q, before %q", again, first)
	}
	attach(t, id, &fakeModels{})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func readAll(r io.Reader) string {
	text, _ := io.ReadAll(r)
	return string(text)
}
