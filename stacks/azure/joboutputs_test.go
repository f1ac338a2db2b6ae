package azure_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/armsim/files"
	"github.com/envctl/envctl/components/azure/armsim/sas"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/stacks/azure"
	"github.com/envctl/envctl/stacks/azure/ask"
)

const account = group + "/providers/Microsoft.Storage/storageAccounts/" + storageName

// withShare is a job that is up with its file share, and the folder of its content.
// The execution leaves files and ends with status.
func withShare(t *testing.T, status string, leaves map[string]string, faults ...fault.Fault) (*azure.Target, *client, *plan.Plan, string) {
	t.Helper()
	target, c, _, p, _ := jobRun(t)
	ending(c, status, "")
	key, dir := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 64)), t.TempDir()
	shares := httptest.NewTLSServer(&files.Server{
		Account: storageName, Dir: dir, Faults: fault.NewSet(faults), Now: target.Now,
		Find: func(name string) (files.Share, bool) {
			return files.Share{Keys: []string{key}, Content: "content"}, name == "outputs"
		},
	})
	t.Cleanup(shares.Close)
	pool := shares.Client() // it trusts one certificate, which httptest's servers all have
	c.http = pool
	c.Has(account, `{"id":"`+account+`","properties":{"primaryEndpoints":{"file":"`+shares.URL+`/"}}}`)
	c.Answers(account+"/listServiceSas", func(body any) (ask.Object, error) {
		expiry, err := time.Parse(time.RFC3339, ask.Text(body, "signedExpiry"))
		if err != nil || ask.Text(body, "canonicalizedResource") != "/file/"+storageName+"/outputs" || ask.Text(body, "signedProtocol") != "https" {
			t.Errorf("asked for %v", body)
		}
		token, err := sas.Grant{Account: storageName, Share: "outputs", Permissions: ask.Text(body, "signedPermission"), Expiry: expiry, HTTPSOnly: true}.Query(key)
		return ask.Object{"serviceSasToken": token}, err
	})
	folder := filepath.Join(dir, "content", "sum")
	c.Answers(jobs+"/sum/start", func(any) (ask.Object, error) {
		if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
			t.Errorf("the run begins with %v, %v", list, err)
		}
		leave(t, folder, leaves)
		return ask.Object{"id": execution, "name": "sum-1"}, nil
	})
	return target, c, p, folder
}

func leave(t *testing.T, folder string, content map[string]string) {
	t.Helper()
	for name, text := range content {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Error(err)
		}
	}
}

// What an execution leaves comes back, also of one that fails, without what another
// left before, and the share is empty again.
func TestRunJobBringsItsOutputsBack(t *testing.T) {
	t.Parallel()
	for status, code := range map[string]int{"Succeeded": 0, "Failed": 1} {
		target, _, p, folder := withShare(t, status, map[string]string{"a/result.txt": "42", "more": "x"})
		leave(t, folder, map[string]string{"of/before": "old", "old": "old"})
		out := filepath.Join(t.TempDir(), "new", "results")
		r, err := target.RunJob(t.Context(), azure.JobRun{Plan: p, Job: "sum", Out: out})
		if err != nil || r.ExitCode != code || r.Outputs.Files != 2 || r.Outputs.Folders != 1 || r.Outputs.Bytes != 3 {
			t.Errorf("%s: %+v, %v", status, r, err)
		}
		if got, err := os.ReadFile(filepath.Join(out, "a/result.txt")); err != nil || string(got) != "42" {
			t.Errorf("%s: %q, %v", status, got, err)
		}
		if list, err := os.ReadDir(out); err != nil || len(list) != 2 {
			t.Errorf("%s: %v, %v", status, list, err)
		}
		if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
			t.Errorf("%s: the share still has %v, %v", status, list, err)
		}
	}
}

// Outputs that do not come back are kept, and it is said where; a hostile name and
// too much data are refused as locally.
func TestRunJobKeepsWhatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leaves map[string]string
		limits untar.Limits
		fault  fault.Fault
		says   string
		starts bool
	}{
		"forbidden":      {map[string]string{"a": "b"}, untar.Limits{}, fault.Fault{Op: "get", Status: 403, Code: "AuthorizationFailure", Times: -1}, "AuthorizationFailure", true},
		"throttled":      {map[string]string{"a": "b"}, untar.Limits{}, fault.Fault{Op: "get", Status: 429, Code: "ServerBusy", Times: -1}, "ServerBusy", true},
		"cut":            {map[string]string{"a": strings.Repeat("b", 300_000)}, untar.Limits{}, fault.Fault{Op: "get", Wire: fault.Cut, Times: -1}, "broke off", true},
		"too many files": {map[string]string{"a": "1", "b": "2", "c": "3"}, untar.Limits{Files: 2}, fault.Fault{}, "more than 2 files", true},
		"too many bytes": {map[string]string{"a": "12345"}, untar.Limits{Bytes: 4}, fault.Fault{}, "more than 4 bytes", true},
		"hostile name":   {map[string]string{`..\a`: "1"}, untar.Limits{}, fault.Fault{}, "hostile", true},
		"not emptied":    {nil, untar.Limits{}, fault.Fault{Op: "put", Status: 403, Code: "AuthorizationFailure", Times: -1}, "prepare the outputs", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.fault.Op == "" {
				c.fault.Op = "none"
			}
			target, client, p, folder := withShare(t, "Succeeded", c.leaves, c.fault)
			target.OutLimits = c.limits
			r, err := target.RunJob(t.Context(), azure.JobRun{Plan: p, Job: "sum", Out: filepath.Join(t.TempDir(), "out")})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v", err)
			}
			var missed *azure.OutputsError
			if started := len(client.Calls("POST")) > 1; errors.As(err, &missed) != c.starts || started != c.starts {
				t.Fatalf("%v, started %v", err, started)
			}
			if !c.starts {
				return
			}
			if r.ExitCode != 0 || r.Execution == "" || !strings.Contains(hint(err), "az storage file download-batch --account-name "+storageName+" --source outputs/sum ") {
				t.Errorf("%+v, %s", r, hint(err))
			}
			if list, err := os.ReadDir(folder); err != nil || len(list) != len(c.leaves) {
				t.Errorf("the share has %v, %v", list, err)
			}
		})
	}
}
