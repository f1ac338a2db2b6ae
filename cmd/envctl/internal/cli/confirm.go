package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/envctl/envctl/stacks"
)

// mustConfirm says whether a change needs a yes of somebody: one of Azure itself,
// where it may cost money.
func (p *program) mustConfirm() bool {
	return p.flags.target == targetAzure && !p.flags.simulate && !p.flags.yes
}

// canAsk says whether there is somebody to ask.
func (p *program) canAsk() bool {
	return p.flags.file != "-" && p.env.IsTerminal(p.env.Stdin) && p.env.IsTerminal(p.env.Stderr)
}

// checkConfirm refuses at once what nobody can confirm.
func (p *program) checkConfirm(what string) error {
	if !p.mustConfirm() || p.canAsk() {
		return nil
	}
	return &problem{code: "confirm", status: statusUsage, path: "--yes",
		message: fmt.Sprintf("%s on Azure needs to be confirmed, and there is no terminal to ask on", what),
		hint:    "--yes confirms it; --simulate tries it without Azure"}
}

// confirm asks once. Anything but yes is a refusal that changes nothing.
func (p *program) confirm(ctx context.Context, question string) error {
	if !p.mustConfirm() {
		return nil
	}
	return p.ask(ctx, question)
}

// ask asks, whatever the target is.
func (p *program) ask(ctx context.Context, question string) error {
	if _, err := fmt.Fprintf(p.env.Stderr, "%s [y/N] ", question); err != nil {
		return err
	}
	answer := make(chan string, 1)
	go func() { // a read of a terminal cannot be given up; the program ends with it
		line, _ := bufio.NewReader(p.env.Stdin).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
	}
	return &problem{code: "declined", status: statusRefused, message: "not confirmed: nothing was changed", hint: "--yes confirms it beforehand"}
}

// confirmUp shows what would be made, and asks.
func (p *program) confirmUp(ctx context.Context, ops Operations, r Request) error {
	if !p.mustConfirm() {
		return nil
	}
	result, err := ops.Preview(ctx, r)
	if err != nil || result.Changes == nil || !result.Changes.Any() {
		return err
	}
	return p.confirm(ctx, upQuestion(result))
}

// upQuestion names the counts, and what among it is billed.
func upQuestion(r stacks.Result) string {
	c := r.Changes
	text := fmt.Sprintf("%s (instance %s) on Azure: %d to create, %d to update, %d to replace, %d to delete",
		r.Experiment, r.Instance, c.Create, c.Update, c.Replace, c.Delete)
	billed := map[string]int{}
	for _, s := range r.Steps {
		if s.Op == "create" || s.Op == "replace" {
			if name := billedKind(s.Type); name != "" {
				billed[name]++
			}
		}
	}
	var parts []string
	for _, name := range keys(billed) {
		parts = append(parts, fmt.Sprintf("%d × %s", billed[name], name))
	}
	if len(parts) > 0 {
		text += "; billed: " + strings.Join(parts, ", ")
	}
	return text + ". Go on?"
}

// billedKind names a resource that Azure bills for being there or for its use;
// empty for one that is free.
func billedKind(token string) string {
	switch token[strings.LastIndexByte(token, ':')+1:] {
	case "Registry":
		return "container registry"
	case "Workspace":
		return "log analytics workspace"
	case "ContainerApp":
		return "container app"
	case "Job":
		return "container apps job"
	case "StorageAccount":
		return "storage account"
	case "Deployment":
		return "model deployment"
	case "AzureFirewall":
		return "firewall"
	case "PublicIPAddress":
		return "public address"
	}
	return ""
}
