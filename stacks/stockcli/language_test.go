//go:build stockcli

package stockcli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	pbempty "google.golang.org/protobuf/types/known/emptypb"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	docker "github.com/envctl/envctl/components/docker/provider"
)

// programVariable names the built program to a language host.
const programVariable = "ENVCTL_TEST_PROGRAM"

// language is the part of Pulumi's language host for Go that runs programs:
// Pulumi's own compiles the folder that Pulumi.yaml names and starts the result
// with these variables, and this one starts what the test has compiled of it.
type language struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string // address
}

// serveLanguage speaks as a plugin does: the port on standard output, then gRPC
// until the CLI ends the process.
func serveLanguage(engine string) error {
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Init: func(s *grpc.Server) error {
		pulumirpc.RegisterLanguageRuntimeServer(s, &language{engine: engine})
		return nil
	}})
	if err != nil {
		return err
	}
	fmt.Println(handle.Port)
	go func() { // the CLI is gone when it closes its end
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	return <-handle.Done
}

func (*language) GetPluginInfo(context.Context, *pbempty.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "3.0.0"}, nil
}

func (*language) InstallDependencies(
	*pulumirpc.InstallDependenciesRequest, grpc.ServerStreamingServer[pulumirpc.InstallDependenciesResponse],
) error {
	return nil
}

// GetRequiredPackages names what Pulumi's own host finds in go.mod.
func (*language) GetRequiredPackages(
	context.Context, *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	return &pulumirpc.GetRequiredPackagesResponse{Packages: []*pulumirpc.PackageDependency{
		{Name: "docker", Kind: "resource", Version: docker.Version},
	}}, nil
}

// Run starts the program and waits for its end.
func (l *language) Run(ctx context.Context, r *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	if want := filepath.Join(r.Info.RootDirectory, "stacks", "program"); r.Info.ProgramDirectory != want {
		return nil, fmt.Errorf("Pulumi.yaml names the program %s, want %s", r.Info.ProgramDirectory, want)
	}
	config, err := json.Marshal(r.Config)
	if err != nil {
		return nil, err
	}
	keys, err := json.Marshal(r.ConfigSecretKeys)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, os.Getenv(programVariable))
	cmd.Dir = r.Pwd
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(),
		pulumi.EnvOrganization+"="+r.Organization, pulumi.EnvProject+"="+r.Project, pulumi.EnvStack+"="+r.Stack,
		pulumi.EnvPulumiRootDirectory+"="+r.Info.RootDirectory,
		pulumi.EnvConfig+"="+string(config), pulumi.EnvConfigSecretKeys+"="+string(keys),
		pulumi.EnvDryRun+"="+strconv.FormatBool(r.DryRun), pulumi.EnvParallel+"="+strconv.Itoa(int(r.Parallel)),
		pulumi.EnvMonitor+"="+r.MonitorAddress, pulumi.EnvEngine+"="+l.engine,
	)
	if err := cmd.Run(); err != nil {
		if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == loggedError {
			return &pulumirpc.RunResponse{Bail: true}, nil // the program has said why
		}
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	return &pulumirpc.RunResponse{}, nil
}

// loggedError is the exit status of a program whose error Pulumi has been told.
const loggedError = 32
