package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
)

// shownModules are the libraries that users ask about; --verbose shows all.
var shownModules = []string{
	"github.com/pulumi/pulumi/sdk/v3", "github.com/pulumi/pulumi/pkg/v3",
	"github.com/pulumi/pulumi-docker/sdk/v4", "github.com/moby/moby/client",
}

func newVersion(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:     "version",
		Short:   "print the versions of envctl and of the engine inside",
		Long:    "Print the versions of envctl, of the Pulumi engine and of the libraries inside.\n--verbose lists every library.",
		Example: "  envctl version\n  envctl version -o json | jq -r .version",
		Args:    exactly(),
		RunE: p.runs(func(context.Context, []string) (output.Document, error) {
			info, _ := debug.ReadBuildInfo()
			return runVersion(info, p.flags.verbose), nil
		}),
	}, "output")
}

// runVersion reads info, which is nil for a binary without build information.
func runVersion(info *debug.BuildInfo, all bool) output.Document {
	v := output.Version{SchemaVersion: stacks.SchemaVersion, Command: "version", Version: "devel",
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Modules: map[string]string{}}
	if info == nil {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Committed = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	versions := map[string]string{}
	for _, m := range info.Deps {
		versions[m.Path] = m.Version
		if all {
			v = v.WithModule(m.Path, m.Version)
		}
	}
	for _, path := range shownModules {
		if versions[path] != "" && !all {
			v = v.WithModule(path, versions[path])
		}
	}
	return v
}

// programVersion is the version of this program, as `version` tells it.
func programVersion() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
