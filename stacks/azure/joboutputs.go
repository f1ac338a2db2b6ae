package azure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/share"
	"github.com/envctl/envctl/stacks/azure/words"
)

// outbox is where the outputs of a run come from: the job's folder in the file share
// of the experiment. An execution cannot have a folder of its own, so there is one
// run at a time that brings its outputs back.
type outbox struct {
	target  *Target
	run     JobRun
	account string // path of the storage account
}

// outbox makes sure that the job's folder is the run's alone, and empty.
func (t *Target) outbox(ctx context.Context, r JobRun, w plan.Workload, job string) (*outbox, error) {
	if w.Run.Outputs == "" {
		return nil, &JobError{r.Job, "has no outputs to bring back", fmt.Sprintf("name the folder that it writes to in jobs.%s.outputs", r.Job)}
	}
	if err := t.alone(ctx, r.Job, job); err != nil {
		return nil, err
	}
	spec := r.Plan.Spec()
	account := ask.Provider(t.group(spec), "Microsoft.Storage", "storageAccounts", t.names(spec).Storage)
	box := &outbox{target: t, run: r, account: account}
	folder, err := box.folder(ctx)
	if err != nil {
		return nil, err
	}
	return box, words.Wrap(fmt.Sprintf("prepare the outputs of job %q", r.Job), folder.Empty(ctx))
}

// alone refuses while an execution of the job is under way: it writes to the same
// folder.
func (t *Target) alone(ctx context.Context, name, job string) error {
	list, err := t.Client.List(ctx, job+"/executions", ask.Apps)
	if err != nil {
		return fmt.Errorf("list the executions of job %q: %w", name, err)
	}
	for _, e := range list {
		if state := ask.Text(e, "properties", "status"); !ended(state) {
			return &JobError{name, fmt.Sprintf("runs already as %s, and what both leave would be in one folder", ask.Text(e, "name")),
				"wait for its end, or start this one without --out"}
		}
	}
	return nil
}

// signed is how long a signature is good for: the longest that bringing outputs back
// may take.
const signed = 4 * time.Hour

// folder is the job's, with a signature for the share that is given for it.
func (b *outbox) folder(ctx context.Context) (share.Folder, error) {
	t := b.target
	account, err := t.Client.Get(ctx, b.account, ask.Storage)
	if arm.IsNotFound(err) {
		return share.Folder{}, &JobError{b.run.Job, "has no file share for its outputs on Azure", "run `envctl up -t azure`, which makes it"}
	}
	if err != nil {
		return share.Folder{}, fmt.Errorf("ask for the storage account of the outputs: %w", err)
	}
	answer, err := t.Client.Query(ctx, b.account+"/listServiceSas", ask.Storage, map[string]any{
		"canonicalizedResource": "/file/" + ask.NameOf(b.account) + "/" + names.Share, "signedResource": "s",
		"signedPermission": "rcdl", "signedProtocol": "https", "signedExpiry": t.now().Add(signed).UTC().Format(time.RFC3339),
	})
	if err != nil {
		return share.Folder{}, fmt.Errorf("ask for access to the outputs: %w", err)
	}
	endpoint := ask.Text(account, "properties", "primaryEndpoints", "file")
	if endpoint == "" {
		return share.Folder{}, fmt.Errorf("the storage account %q does not say where its file shares are", ask.NameOf(b.account))
	}
	return share.Folder{
		Send: t.Client, URL: strings.TrimSuffix(endpoint, "/") + "/" + names.Share,
		Signature: ask.Text(answer, "serviceSasToken"), Name: b.run.Job,
	}, nil
}

// bring copies the outputs to the folder that was asked for and removes them from
// the share, where they cost.
func (b *outbox) bring(ctx context.Context) (untar.Summary, error) {
	folder, err := b.folder(ctx)
	if err != nil {
		return untar.Summary{}, b.kept(err)
	}
	if err := os.MkdirAll(b.run.Out, 0o755); err != nil {
		return untar.Summary{}, b.kept(fmt.Errorf("make the folder for the outputs: %w", err))
	}
	root, err := os.OpenRoot(filepath.Clean(b.run.Out))
	if err != nil {
		return untar.Summary{}, b.kept(fmt.Errorf("open the folder for the outputs: %w", err))
	}
	defer root.Close()
	sum, err := folder.Fetch(ctx, root, b.target.OutLimits)
	if err != nil {
		return sum, b.kept(err)
	}
	if err := folder.Empty(ctx); err != nil {
		b.target.warn(fmt.Sprintf("the outputs of job %q are here and stay in their file share until its next run, too: %v", b.run.Job, err))
	}
	return sum, nil
}

// OutputsError is outputs that did not come back, or not all of them. They are still
// in their file share.
type OutputsError struct {
	Job            string
	Account, Share string
	Err            error
}

func (e *OutputsError) Error() string {
	return fmt.Sprintf("job %q has ended, but not all of its outputs came back: %v", e.Job, e.Err)
}

// Unwrap is what happened.
func (e *OutputsError) Unwrap() error { return e.Err }

// Hint says where they are.
func (e *OutputsError) Hint() string {
	hint := fmt.Sprintf("until its next run with --out they are in Azure: az storage file download-batch --account-name %s --source %s/%s --destination DIR",
		e.Account, e.Share, e.Job)
	var limit *untar.LimitError
	if errors.As(e.Err, &limit) {
		return hint + "; or have it leave less"
	}
	return hint
}

func (b *outbox) kept(err error) error {
	return &OutputsError{Job: b.run.Job, Account: ask.NameOf(b.account), Share: names.Share, Err: err}
}
