package arm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"time"
)

// account is what the az command says of its login.
type account struct {
	ID       string `json:"id"`
	TenantID string `json:"tenantId"`
}

// cliTime bounds a run of the az command, which takes seconds when it is cold.
const cliTime = time.Minute

// askCLI asks the az command for the subscription, that given or its own choice.
func askCLI(ctx context.Context, subscription string) (account, error) {
	args := []string{"account", "show", "--output", "json"}
	if subscription != "" {
		args = append(args, "--subscription", subscription)
	}
	ctx, cancel := context.WithTimeout(ctx, cliTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "az", args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil && context.Cause(ctx) == context.Canceled {
		return account{}, ctx.Err()
	}
	if err != nil {
		return account{}, cliError(err, strings.TrimSpace(stderr.String()))
	}
	var a account
	if err := json.Unmarshal(stdout.Bytes(), &a); err != nil || !uuid.MatchString(a.ID) {
		return account{}, &CredentialError{
			Kind: kindCLI, What: "`az account show` named no subscription", Why: snippet(stdout.Bytes()),
			Mend: "choose one with `az account set --subscription ID`, or set ARM_SUBSCRIPTION_ID", cause: err,
		}
	}
	return a, nil
}

// cliError says in words why the az command failed.
func cliError(err error, stderr string) error {
	e := &CredentialError{
		Kind: kindCLI, What: "the az command could not be used", Why: err.Error(),
		Mend: "see what `az account show` says", cause: err,
	}
	if stderr != "" {
		e.Why = strings.TrimPrefix(stderr, "ERROR: ")
	}
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.As(err, &exit) && exit.ExitCode() == 127,
		strings.Contains(stderr, "is not recognized"), strings.Contains(stderr, "executable not found"):
		e.What, e.Why = "there is no credential for Azure", "no ARM_… credential is configured and there is no az command"
		e.Mend = "install the Azure CLI and run `az login`, or set ARM_CLIENT_ID, ARM_TENANT_ID, ARM_SUBSCRIPTION_ID and " +
			"one of ARM_CLIENT_SECRET, ARM_CLIENT_CERTIFICATE_PATH, ARM_USE_OIDC and ARM_USE_MSI"
	case strings.Contains(stderr, "az login"), strings.Contains(stderr, "AADSTS"):
		e.What, e.Mend = "the az command is not logged in", "run `az login`"
	case strings.Contains(stderr, "doesn't exist"), strings.Contains(stderr, "not found"):
		e.What, e.Mend = "the az command's login has no such subscription", "see `az account list`, or log in as somebody who may use it"
	}
	return e
}
