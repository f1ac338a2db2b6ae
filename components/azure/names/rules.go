package names

import (
	"fmt"
	"regexp"
	"strings"
)

// Kind is a type of resource as far as its name goes.
type Kind string

// The kinds of name.
const (
	KindResourceGroup Kind = "resource group"
	KindRegistry      Kind = "registry"
	KindRepository    Kind = "repository"
	KindWorkspace     Kind = "Log Analytics workspace"
	KindEnvironment   Kind = "Container Apps environment"
	KindApp           Kind = "Container App or job"
	KindIdentity      Kind = "identity"
	KindAccount       Kind = "AI services account"
	KindSubdomain     Kind = "subdomain of an AI services account"
	KindDeployment    Kind = "model deployment"
	KindBudget        Kind = "budget"
	KindActionGroup   Kind = "action group"
	KindNetwork       Kind = "virtual network"
	KindNetworkPart   Kind = "part of a virtual network" // security group, route table, public address, subnet
	KindFirewall      Kind = "firewall"
	KindRole          Kind = "custom role"
	KindSecret        Kind = "secret of a Container App"
	KindGUID          Kind = "GUID"
	KindStorage       Kind = "storage account"
	KindShare         Kind = "file share"
	KindVolume        Kind = "storage of a Container Apps environment"
)

// rule is what Azure asks of a name.
type rule struct {
	pattern  string
	not      string // no part may match it
	min, max int    // characters
	want     string
}

// rules are those of Microsoft's article "Naming rules and restrictions for Azure
// resources", and of the error messages of Container Apps where that is silent.
func rules() map[Kind]rule {
	const networkName = `^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$`
	const label = `^[a-z](?:[a-z0-9-]*[a-z0-9])?$`
	return map[Kind]rule{
		KindResourceGroup: {`^[\pL\pN._()-]*[\pL\pN_()-]$`, "", 1, 90, "letters, digits, _, -, (, ) and dots, not ending with a dot"},
		KindRegistry:      {`^[A-Za-z0-9]+$`, "", 5, 50, "letters and digits"},
		KindRepository:    {`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`, "", 2, 255, "lower-case letters, digits and -._/ between them"},
		KindWorkspace:     {`^[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]$`, "", 4, 63, "letters, digits and hyphens between them"},
		KindEnvironment:   {label, "--", 2, 60, "lower-case letters, digits and single hyphens, beginning with a letter"},
		KindApp:           {label, "--", 2, 32, "lower-case letters, digits and single hyphens, beginning with a letter"},
		KindIdentity:      {`^[A-Za-z0-9][A-Za-z0-9_-]*$`, "", 3, 128, "letters, digits, _ and -, beginning with a letter or digit"},
		KindAccount:       {`^[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]$`, "", 2, 64, "letters, digits and hyphens between them"},
		KindSubdomain:     {`^[a-z0-9][a-z0-9-]*[a-z0-9]$`, "", 2, 63, "lower-case letters, digits and hyphens between them"},
		KindDeployment:    {`^[A-Za-z0-9][A-Za-z0-9._-]*$`, "", 2, 64, "letters, digits, dots, _ and -, beginning with a letter or digit"},
		KindBudget:        {`^[A-Za-z0-9_-]+$`, "", 1, 63, "letters, digits, _ and -"},
		KindActionGroup:   {`^[^:<>+/&%\\?|\x00-\x1f]*[^:<>+/&%\\?|\x00-\x1f .]$`, "", 1, 260, "no control characters and none of :<>+/&%\\?|, not ending with a space or dot"},
		KindNetwork:       {networkName, "", 2, 64, "letters, digits, dots, _ and -, ending with a letter, a digit or _"},
		KindNetworkPart:   {networkName, "", 1, 80, "letters, digits, dots, _ and -, ending with a letter, a digit or _"},
		KindFirewall:      {networkName, "", 1, 56, "letters, digits, dots, _ and -, ending with a letter, a digit or _"},
		KindRole:          {`^[^\x00-\x1f]+$`, "", 1, 128, "no control characters"},
		KindSecret:        {`^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$`, "", 1, 253, "lower-case letters, digits, dots and hyphens between them"},
		KindStorage:       {`^[a-z0-9]+$`, "", 3, 24, "lower-case letters and digits"},
		KindShare:         {`^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`, "--", 3, 63, "lower-case letters, digits and single hyphens between them"},
		KindVolume:        {label, "--", 2, 32, "lower-case letters, digits and single hyphens, beginning with a letter"},
		KindGUID:          {`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, "", 36, 36, "a GUID in lower case"},
	}
}

// Check says what is wrong with a name of a kind; nil: nothing.
func Check(kind Kind, name string) error {
	r, ok := rules()[kind]
	if !ok {
		return fmt.Errorf("there is no rule for the name of a %s", kind)
	}
	length := len([]rune(name))
	if length < r.min || length > r.max {
		return fmt.Errorf("name %q of a %s has %d characters, expected %d to %d: %s", name, kind, length, r.min, r.max, r.want)
	}
	if !regexp.MustCompile(r.pattern).MatchString(name) || r.not != "" && strings.Contains(name, r.not) {
		return fmt.Errorf("name %q of a %s is not %s", name, kind, r.want)
	}
	return nil
}
