package provider

import (
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/values"
)

// readTime bounds a look at a resource after its operation's own time is over.
const readTime = 30 * time.Second

func isNotFound(err error) bool { return err != nil && arm.IsNotFound(err) }

func hasCode(err error, codes ...string) bool { return arm.HasCode(err, codes...) }

// explain adds what to do to refusals that Azure's words leave open.
func explain(err error) error {
	switch {
	case hasCode(err, "RoleAssignmentUpdateNotPermitted"):
		return fmt.Errorf("%w; a role assignment's principal, role and scope cannot be changed: "+
			"give it another roleAssignmentName, or delete it first", err)
	case hasCode(err, "InsufficientQuota"):
		return fmt.Errorf("%w; lower sku.capacity, use another region, or ask for more quota in the Azure portal", err)
	}
	return err
}

// redact takes the secrets among inputs out of text: Azure's messages quote what
// they were sent.
func redact(text string, in property.Map) string { return values.Redact(text, in, nil) }

// redacted takes the inputs' secrets out of an error. One that carries details
// for the engine has been seen to where it was made.
func (r request) redacted(err error) error {
	if _, ok := rpcerror.FromError(err); ok {
		return err
	}
	if text := redact(err.Error(), r.in); text != err.Error() {
		return errors.New(text)
	}
	return err
}
