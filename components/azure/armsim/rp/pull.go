package rp

import (
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Image is a reference taken apart.
type Image struct {
	Host, Repository, Reference string // the reference is a digest or a tag
}

// ParseImage takes HOST/REPOSITORY@DIGEST or HOST/REPOSITORY:TAG apart; without a
// host, as on Docker Hub, Host is empty.
func ParseImage(ref string) Image {
	rest, digest, pinned := strings.Cut(ref, "@")
	out := Image{Reference: digest}
	host, path, ok := strings.Cut(rest, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		host, path = "", rest
	}
	out.Host, out.Repository = host, path
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		out.Repository = path[:i]
		if !pinned {
			out.Reference = path[i+1:]
		}
	}
	if out.Reference == "" {
		out.Reference = "latest"
	}
	return out
}

// endApp decides how the operation of an app ends: with fault rows 3 and 4.
func endApp(c *Call, op *store.Operation) Verdict {
	verdict := c.pulls(op)
	if verdict.Code == "" && verdict.Wait.IsZero() {
		p := props(c.New.Body)
		p["latestReadyRevisionName"] = p["latestRevisionName"]
	}
	return verdict
}

// pulls says whether every image can be pulled with the identity that the app has
// for its registry.
func (c *Call) pulls(op *store.Operation) Verdict {
	for _, key := range []string{"initContainers", "containers"} {
		for _, container := range items(c.New.Body, "properties", "template", key) {
			if v := c.pull(op, text(container, "name"), text(container, "image")); v.Code != "" || !v.Wait.IsZero() {
				return v
			}
		}
	}
	return Verdict{}
}

func (c *Call) pull(op *store.Operation, container, ref string) Verdict {
	image := ParseImage(ref)
	registry := RegistryOf(c.State, image.Host)
	if registry == nil {
		return Verdict{} // a public image: nothing here can know
	}
	field := "Failed to provision revision for container app '" + c.New.Name + "'. Error details: The following field(s) are either invalid or missing. Field 'template.containers." + container + ".image' is invalid with details: 'Invalid value: \"" + ref + "\": "
	since, ok := c.mayPull(registry, image.Host)
	if !ok || c.Now.Before(since) {
		// The service goes on trying; a role that comes in time is used.
		if ok && since.Before(op.Started.Add(c.PullPatience)) {
			return Verdict{Wait: since}
		}
		return Verdict{Code: "ContainerAppOperationError", Message: field + "unable to pull image using Managed identity " + strings.Join(identities(c.New.Body), ", ") + " for registry " + image.Host + "';."}
	}
	if _, code, ok := c.HasImage(registry.Name, image.Repository, image.Reference); !ok {
		detail := code + ": manifest tagged by \"" + image.Reference + "\" is not found"
		if code == "NAME_UNKNOWN" {
			detail = code + ": repository name not known to registry: " + image.Repository
		}
		return Verdict{Code: "ContainerAppOperationError", Message: field + "GET https:: " + detail + "; map[Tag:" + image.Reference + "]';."}
	}
	return Verdict{}
}

// mayPull says since when the app's credentials for that server may pull.
func (c *Call) mayPull(registry *store.Resource, host string) (time.Time, bool) {
	for _, r := range items(c.New.Body, "properties", "configuration", "registries") {
		if !strings.EqualFold(text(r, "server"), host) {
			continue
		}
		if ref := text(r, "passwordSecretRef"); ref != "" {
			admin := at(registry.Body, "properties", "adminUserEnabled") == true
			return time.Time{}, admin && registry.Private["password"] != "" && c.New.Secrets[ref] == registry.Private["password"]
		}
		principal := text(c.New.Body, "identity", "principalId")
		if id := text(r, "identity"); id != "system" {
			identity := c.State.Get(id)
			if identity == nil {
				return time.Time{}, false
			}
			principal = text(identity.Body, "properties", "principalId")
		}
		return Effective(c.World, c.State, registry.ID, []string{principal}, []string{AcrPull, AcrPush, Owner, Contributor, Reader})
	}
	return time.Time{}, false
}
