package docker

import (
	"context"
	"sync"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/buildkit/session/auth"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hubKey is where the docker config keeps Docker Hub's credentials.
const hubKey = "https://index.docker.io/v1/"

// credentials reads the docker config once, when it is first asked; credential
// helpers are run as the config says.
type credentials struct {
	load func() (*configfile.ConfigFile, error)
}

func (e *Engine) credentials() credentials {
	dir := configDir(e.getenv)
	return credentials{load: sync.OnceValues(func() (*configfile.ConfigFile, error) { return config.Load(dir) })}
}

// forHost returns a registry's credentials; all empty when there are none.
func (c credentials) forHost(host string) (registry.AuthConfig, error) {
	file, err := c.load()
	if err != nil {
		return registry.AuthConfig{}, err
	}
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		host = hubKey
	}
	found, err := file.GetAuthConfig(host)
	if err != nil {
		return registry.AuthConfig{}, err
	}
	return registry.AuthConfig{
		Username: found.Username, Password: found.Password, Auth: found.Auth,
		ServerAddress: found.ServerAddress, IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
	}, nil
}

// header is what the engine wants with a pull; "" without credentials.
func (c credentials) header(host string) (string, error) {
	found, err := c.forHost(host)
	if err != nil || found == (registry.AuthConfig{}) {
		return "", err
	}
	return authconfig.Encode(found)
}

// authServer answers a build's questions for credentials. The engine fetches
// tokens itself, so only that one method is served.
type authServer struct {
	auth.UnimplementedAuthServer
	known credentials
}

// Register implements session.Attachable.
func (s *authServer) Register(server *grpc.Server) { auth.RegisterAuthServer(server, s) }

// Credentials implements auth.AuthServer.
func (s *authServer) Credentials(_ context.Context, req *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	found, err := s.known.forHost(req.Host)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "read the docker config for %s: %v", req.Host, err)
	}
	if found.IdentityToken != "" {
		return &auth.CredentialsResponse{Secret: found.IdentityToken}, nil
	}
	return &auth.CredentialsResponse{Username: found.Username, Secret: found.Password}, nil
}
