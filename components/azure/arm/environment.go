package arm

import (
	"fmt"
	"regexp"
	"strings"
)

// environment reads the settings of a connection.
type environment func(string) string

// first is the first of the variables that is set, and its name.
func (e environment) first(names ...string) (value, name string) {
	for _, name := range names {
		if value := strings.TrimSpace(e(name)); value != "" {
			return value, name
		}
	}
	return "", ""
}

// flag reads a variable that is true or false; unset is false.
func (e environment) flag(name string) (bool, error) {
	value := strings.TrimSpace(e(name))
	switch strings.ToLower(value) {
	case "true", "1":
		return true, nil
	case "", "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s is %q: set it to true or false, or unset it", name, value)
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// checkSubscription holds that a subscription is given by its ID.
func checkSubscription(value, from string) error {
	if uuid.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s is %q, which is not a subscription's ID, as 00000000-0000-0000-0000-000000000000; `az account list --output table` shows the IDs of yours",
		from, value)
}

// tenantName is a tenant's ID or one of its domains.
var tenantName = regexp.MustCompile(`^[0-9a-zA-Z.-]+$`)

func checkTenant(value, from string) error {
	if tenantName.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s is %q, which is neither a tenant's ID nor one of its domains; `az account show --query tenantId` shows yours", from, value)
}
