package azure

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/plan"
)

const (
	// saltName has a dot, so it is no secret's of a definition.
	saltName   = "secrets.salt"
	saltLength = 32 // 190 bits
	markLength = 4  // bytes
)

// salt makes the key that secrets are marked with, where there are some.
func (e *environment) salt(ctx *pulumi.Context) error {
	if !slices.ContainsFunc(e.spec.Workloads, func(w plan.Workload) bool { return len(w.Secrets) > 0 }) {
		return nil
	}
	var err error
	e.key, err = components.NewRandom(ctx, saltName, saltLength, e.parent)
	return err
}

// marked is the name that a secret has in an app: with a mark of its value, so
// that another value makes another revision, which Container Apps do for nothing
// but a change of the template. Only who has the key can try values on the mark.
func (e *environment) marked(name string, value pulumi.StringInput) pulumi.StringOutput {
	mark := pulumi.All(e.key, value).ApplyT(func(v []any) string {
		mac := hmac.New(sha256.New, []byte(v[0].(string)))
		mac.Write([]byte(name + "\x00" + v[1].(string)))
		return name + "-" + hex.EncodeToString(mac.Sum(nil)[:markLength])
	})
	return pulumi.Unsecret(mark).(pulumi.StringOutput)
}

// variables are in the order of their names. Those of secrets refer to them.
func (e *environment) variables(
	plain pulumi.StringMap, w components.Workload,
) (app.EnvironmentVarArray, app.SecretArray) {
	var env app.EnvironmentVarArray
	secrets := map[string]app.SecretArgs{} // by name in the definition
	all := slices.AppendSeq(slices.Collect(maps.Keys(plain)), maps.Keys(w.SecretEnv))
	slices.Sort(all)
	for _, name := range all {
		value, secret := w.SecretEnv[name]
		if !secret {
			env = append(env, app.EnvironmentVarArgs{Name: pulumi.String(name), Value: plain[name].ToStringOutput()})
			continue
		}
		marked := e.marked(w.Secrets[name], value)
		secrets[w.Secrets[name]] = app.SecretArgs{Name: marked, Value: value.ToStringOutput()}
		env = append(env, app.EnvironmentVarArgs{Name: pulumi.String(name), SecretRef: marked})
	}
	var list app.SecretArray
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		list = append(list, secrets[name])
	}
	return env, list
}
