package preflight

import (
	"context"
	"fmt"
	"strings"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// The tags that say whose a resource is, in lower case as [ask.Tags] has them.
const (
	tagExperiment = "dev.envctl.experiment"
	tagInstance   = "dev.envctl.instance"
)

// mine says whether tags are those of the subject.
func (s Subject) mine(tags map[string]string) bool {
	return tags[tagExperiment] == s.Experiment && tags[tagInstance] == s.Instance
}

func (s Subject) group() string { return ask.Group(s.Subscription, s.Names.ResourceGroup) }

func ignoreMissing(err error) error {
	if arm.IsNotFound(err) {
		return nil
	}
	return err
}

// owns says whether a resource is there and is the subject's.
func owns(ctx context.Context, m ask.Manager, s Subject, path string) (bool, error) {
	version := ask.Apps
	switch {
	case strings.Contains(path, "Microsoft.ContainerRegistry"):
		version = ask.Registries
	case strings.Contains(path, "Microsoft.CognitiveServices"):
		version = ask.Accounts
	case strings.Contains(path, "Microsoft.Storage"):
		version = ask.Storage
	}
	o, err := m.Get(ctx, path, version)
	if err != nil {
		return false, ignoreMissing(err)
	}
	return s.mine(ask.Tags(o)), nil
}

// available asks for the resource group, and for the names that are the world's.
func available(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	out, err := resourceGroup(ctx, m, s)
	if err == nil && s.Outputs {
		var more []Check
		more, err = storage(ctx, m, s)
		out = append(out, more...)
	}
	if err != nil || !s.OwnGround {
		return out, err
	}
	more, err := registry(ctx, m, s)
	out = append(out, more...)
	if err != nil || len(s.Models) == 0 {
		return out, err
	}
	more, err = subdomain(ctx, m, s)
	return append(out, more...), err
}

// resourceGroup holds that the group is not somebody else's.
func resourceGroup(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	c := Check{Name: "names", State: OK, Detail: "resource group " + s.Names.ResourceGroup}
	o, err := m.Get(ctx, s.group(), ask.Resources)
	switch {
	case arm.IsNotFound(err):
		return []Check{c}, nil
	case err != nil:
		return unseen("names", err)
	}
	tags := ask.Tags(o)
	switch {
	case s.mine(tags):
	case tags[tagExperiment] != "":
		c.State, c.Path = Failed, "targets.azure.resourceGroup"
		c.Detail = fmt.Sprintf("resource group %q is that of %s (instance %s)", s.Names.ResourceGroup, tags[tagExperiment], tags[tagInstance])
		c.Fix = "leave targets.azure.resourceGroup out, or name a group for each instance, as ${NAME}"
	default:
		c.State, c.Path = Failed, "targets.azure.resourceGroup"
		c.Detail = fmt.Sprintf("resource group %q was not made by envctl, and `envctl down` would remove it with all that is in it", s.Names.ResourceGroup)
		c.Fix = "name a group that does not exist, or leave targets.azure.resourceGroup out"
	}
	if state := ask.Text(o, "properties", "provisioningState"); strings.EqualFold(state, "Deleting") {
		c.State, c.Detail = Failed, fmt.Sprintf("resource group %q is being deleted", s.Names.ResourceGroup)
		c.Fix = "wait until it is gone (an environment takes 10 minutes and more), and try again"
	}
	if at := ask.Text(o, "location"); c.State == OK && at != "" && Region(at) != Region(s.Location) {
		c.State, c.Path = Failed, "targets.azure.location"
		c.Detail = fmt.Sprintf("the experiment is in %s, and nothing moves to %s", Region(at), s.Location)
		c.Fix = "run `envctl down -t azure` first, or leave targets.azure.location as it was"
	}
	return []Check{c}, nil
}

// registry asks for the registry's name, and storage for the storage account's.
func registry(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	return free(ctx, m, s, "registry", "Microsoft.ContainerRegistry", "registries", ask.Registries, s.Names.Registry)
}

func storage(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	return free(ctx, m, s, "storage account", "Microsoft.Storage", "storageAccounts", ask.Storage, s.Names.Storage)
}

// free asks whether a name, which is the world's, is free or ours.
func free(ctx context.Context, m ask.Manager, s Subject, word, namespace, kind, version, name string) ([]Check, error) {
	path := ask.Provider(ask.Subscription(s.Subscription), namespace, "checkNameAvailability")
	answer, err := m.Query(ctx, path, version, map[string]any{"name": name, "type": namespace + "/" + kind})
	if err != nil {
		return unseen("names", err)
	}
	if ask.Yes(answer, "nameAvailable") {
		return []Check{{Name: "names", State: OK, Detail: word + " " + name}}, nil
	}
	own, err := owns(ctx, m, s, ask.Provider(s.group(), namespace, kind, name))
	if own || err != nil {
		return nil, err
	}
	return []Check{{Name: "names", State: Failed,
		Detail: fmt.Sprintf("the %s's name %q cannot be had: %s", word, name, ask.Text(answer, "message")),
		Fix:    "choose another name for the experiment or the instance (-n)"}}, nil
}

// subdomain asks the same of the AI account's subdomain.
func subdomain(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	path := ask.Provider(ask.Subscription(s.Subscription), "Microsoft.CognitiveServices", "checkDomainAvailability")
	answer, err := m.Query(ctx, path, ask.Accounts, map[string]any{
		"subdomainName": s.Names.Subdomain, "type": "Microsoft.CognitiveServices/accounts",
	})
	if err != nil {
		return unseen("names", err)
	}
	if ask.Yes(answer, "isSubdomainAvailable") {
		return []Check{{Name: "names", State: OK, Detail: "subdomain " + s.Names.Subdomain}}, nil
	}
	own, err := owns(ctx, m, s, ask.Provider(s.group(), "Microsoft.CognitiveServices", "accounts", s.Names.Account))
	if own || err != nil {
		return nil, err
	}
	deleted, err := SoftDeleted(ctx, m, s.Subscription)
	if err != nil {
		return unseen("names", err)
	}
	for _, d := range deleted {
		if strings.EqualFold(d.Name, s.Names.Account) && s.owned(d) {
			return nil, nil // told by leftovers, and purged
		}
	}
	return []Check{{Name: "names", State: Failed,
		Detail: fmt.Sprintf("the subdomain %q cannot be had: %s", s.Names.Subdomain, ask.Text(answer, "reason")),
		Fix:    "choose another name for the experiment or the instance (-n)"}}, nil
}

// owned says whether a soft-deleted account is the subject's: by its tags, or where
// they are not told by the group it was in.
func (s Subject) owned(d Deleted) bool {
	if len(d.Tags) > 0 {
		return s.mine(d.Tags)
	}
	return strings.EqualFold(d.Group, s.Names.ResourceGroup)
}

// SoftDeleted lists the soft-deleted accounts of a subscription.
func SoftDeleted(ctx context.Context, m ask.Manager, subscription string) ([]Deleted, error) {
	path := ask.Provider(ask.Subscription(subscription), "Microsoft.CognitiveServices", "deletedAccounts")
	list, err := m.List(ctx, path, ask.Accounts)
	if err != nil {
		return nil, err
	}
	out := make([]Deleted, 0, len(list))
	for _, o := range list {
		d := Deleted{ID: ask.Text(o, "id"), Name: ask.Text(o, "name"), Location: Region(ask.Text(o, "location")), Tags: ask.Tags(o),
			Deleted: ask.Time(o, "properties", "deletionDate"), Purged: ask.Time(o, "properties", "scheduledPurgeDate")}
		parts := strings.Split(d.ID, "/")
		for i, part := range parts[:max(0, len(parts)-1)] {
			switch strings.ToLower(part) {
			case "resourcegroups":
				d.Group = parts[i+1]
			case "locations":
				d.Location = Region(parts[i+1])
			case "deletedaccounts":
				d.Name = parts[i+1] // the name of the answer may have more segments
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// leftovers looks for soft-deleted accounts that have our name.
func leftovers(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	if !s.OwnGround || len(s.Models) == 0 {
		return nil, nil
	}
	list, err := SoftDeleted(ctx, m, s.Subscription)
	if err != nil {
		return unseen("leftovers", err)
	}
	for _, d := range list {
		if !strings.EqualFold(d.Name, s.Names.Account) {
			continue
		}
		if s.owned(d) {
			return []Check{{Name: "leftovers", State: Warning, Mine: &d,
				Detail: fmt.Sprintf("the account %q is soft-deleted and keeps its name and quota", d.Name),
				Fix:    "`envctl up -t azure` purges it, since it was this experiment's"}}, nil
		}
		return []Check{{Name: "leftovers", State: Failed,
			Detail: fmt.Sprintf("the account %q is soft-deleted in resource group %q and keeps its name", d.Name, d.Group),
			Fix:    "choose another instance (-n), or purge it in the portal under \"Manage deleted resources\""}}, nil
	}
	return []Check{{Name: "leftovers", State: OK, Detail: "nothing soft-deleted has our names"}}, nil
}
