package docker

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Models implements [components.Environment]: the sandbox has none.
func (e *environment) Models() pulumi.StringMap { return nil }
