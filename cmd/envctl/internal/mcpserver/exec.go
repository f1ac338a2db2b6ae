package mcpserver

import (
	"context"
	"fmt"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/local/box"
)

const (
	// Patience is how long a call waits for a program. Clients give up after 60 s.
	Patience = 25 * time.Second
	// DefaultTimeout is what a program gets where the client does not say.
	DefaultTimeout = 10 * time.Minute
	// killTime bounds how long a call waits for a program that was killed.
	killTime = 15 * time.Second
)

type execIn struct {
	Box     string            `json:"box" jsonschema:"the id of a box"`
	Command []string          `json:"command" jsonschema:"program and arguments; a shell line is [sh, -c, LINE]"`
	Dir     string            `json:"dir,omitempty" jsonschema:"folder to start in, absolute; default /workspace"`
	Env     map[string]string `json:"env,omitempty" jsonschema:"variables beside the image's"`
	Stdin   string            `json:"stdin,omitempty" jsonschema:"what the program reads, at most 1 MiB"`
	// A program is killed at its time limit.
	TimeoutSeconds int64 `json:"timeout_seconds,omitempty" jsonschema:"time limit; default 600"`
}

func (in execIn) command() (box.Command, error) {
	c := box.Command{Argv: in.Command, Dir: in.Dir, Env: in.Env, Stdin: []byte(in.Stdin)}
	if in.TimeoutSeconds < 0 || in.TimeoutSeconds > int64(7*24*time.Hour/time.Second) {
		return c, &failure{what: fmt.Sprintf("timeout_seconds %d is out of range", in.TimeoutSeconds), why: "it is 1 or more, and a box does not live longer than its deadline", mend: "leave it out for 600"}
	}
	if c.Timeout = time.Duration(in.TimeoutSeconds) * time.Second; c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return c, nil
}

type streamOut struct {
	Text         string `json:"text" jsonschema:"untrusted output; head and tail where it is long"`
	Bytes        int64  `json:"bytes" jsonschema:"bytes that the program wrote so far; the offset for the next exec_poll"`
	OmittedBytes int64  `json:"omitted_bytes" jsonschema:"bytes left out between head and tail"`
	Resource     string `json:"resource,omitempty" jsonschema:"resource with what was left out"`
}

type execOut struct {
	Account
	Exec     string    `json:"exec" jsonschema:"the id of the command in its box"`
	Running  bool      `json:"running"`
	Ended    *string   `json:"ended" jsonschema:"exited, timeout, cancelled, expired or lost; null while it runs"`
	ExitCode *int      `json:"exit_code" jsonschema:"128 + the signal where one ended it; null while it runs"`
	Seconds  float64   `json:"seconds"`
	Stdout   streamOut `json:"stdout"`
	Stderr   streamOut `json:"stderr"`
	// LeftProcesses were started by the command, and ended with it.
	LeftProcesses int `json:"left_processes"`
}

// result is the answer about a program, with its output from two offsets on.
func (s *server) result(b box.Box, p *box.Program, fromOut, fromErr int64) answer[execOut] {
	account := s.account(b)
	return fit(func(limit int64) answer[execOut] {
		out := execOut{Account: account, Exec: p.ID, Running: !p.Ended(), Seconds: p.Elapsed().Round(time.Millisecond).Seconds()}
		if !out.Running {
			r := p.Result()
			out.Ended, out.ExitCode, out.LeftProcesses = &r.Reason, &r.ExitCode, r.Left
		}
		a := answer[execOut]{}
		// What one stream does not need, the other has.
		first := p.Stderr.Window(fromErr, limit/2)
		spare := limit - int64(len(first.Head)+len(first.Tail))
		text := out.inWords(p.Result().Err) + "\n"
		for _, part := range []struct {
			name   string
			window box.Window
			into   *streamOut
		}{{"stdout", p.Stdout.Window(fromOut, spare), &out.Stdout}, {"stderr", first, &out.Stderr}} {
			*part.into = streamOf(part.window)
			if part.window.Omitted > 0 {
				link := outputLink(p, part.name, part.window)
				part.into.Resource = link.URI
				a.links = append(a.links, link)
			}
			if part.into.Text != "" {
				text += fence(part.name, part.into.Text)
			}
		}
		a.out, a.text = out, text
		return a
	})
}

func streamOf(w box.Window) streamOut {
	out := streamOut{Text: clean(string(w.Head)), Bytes: w.Total, OmittedBytes: w.Omitted}
	if w.Omitted > 0 {
		out.Text += fmt.Sprintf("\n[… %d bytes left out …]\n", w.Omitted) + clean(string(w.Tail))
	}
	return out
}

func (o execOut) inWords(failed error) string {
	head := fmt.Sprintf("%s; command %s ", o.Account.inWords(), o.Exec)
	switch {
	case o.Running:
		return head + fmt.Sprintf("still runs after %.1f s: exec_poll follows it, exec_stop ends it", o.Seconds)
	case failed != nil:
		return head + "could not be started: " + clean(failed.Error())
	}
	switch *o.Ended {
	case box.TimedOut:
		head += "was killed at its time limit"
	case box.Cancelled:
		head += "was killed with everything it had started"
	case box.Expired:
		head += "ended with its box"
	case box.Lost:
		head += "was killed with everything in its box: what watched over it was gone"
	default:
		head += fmt.Sprintf("ended with exit code %d", *o.ExitCode)
	}
	head += fmt.Sprintf(" after %.1f s", o.Seconds)
	if o.LeftProcesses > 0 {
		head += fmt.Sprintf("; %d processes that it had left running were ended", o.LeftProcesses)
	}
	return head
}

func (s *server) start(ctx context.Context, in execIn) (box.Box, *box.Program, error) {
	c, err := in.command()
	if err != nil {
		return box.Box{}, nil, err
	}
	b, err := s.Boxes.Known(in.Box)
	if err != nil {
		return b, nil, err
	}
	p, err := s.Boxes.Start(ctx, in.Box, c)
	return b, p, err
}

func (s *server) exec(ctx context.Context, r *mcp.CallToolRequest, in execIn) (answer[execOut], error) {
	b, p, err := s.start(ctx, in)
	if err != nil {
		return answer[execOut]{}, err
	}
	s.await(ctx, r, p, Patience)
	return s.result(b, p, 0, 0), nil
}

func (s *server) execStart(ctx context.Context, _ *mcp.CallToolRequest, in execIn) (answer[execOut], error) {
	b, p, err := s.start(ctx, in)
	if err != nil {
		return answer[execOut]{}, err
	}
	return s.result(b, p, 0, 0), nil
}

// await waits for a program's end, tells of its progress where the client asked
// for that, and ends it when the call is cancelled.
func (s *server) await(ctx context.Context, r *mcp.CallToolRequest, p *box.Program, patience time.Duration) {
	if s.watch(ctx, r, p, patience) || ctx.Err() == nil {
		return
	}
	held, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	if err := p.Kill(held, box.Cancelled); err != nil {
		s.Log.Warn("a cancelled command does not end", "box", p.Box, "exec", p.ID)
		return
	}
	s.Log.Info("a call was cancelled, and its command killed", "box", p.Box, "exec", p.ID)
}

// watch says whether the program ended.
func (s *server) watch(ctx context.Context, r *mcp.CallToolRequest, p *box.Program, patience time.Duration) bool {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-p.Done():
			return true
		case <-ctx.Done():
			return false
		case <-limit.C:
			return false
		case <-tick.C:
			s.progress(ctx, r, p)
		}
	}
}

func (s *server) progress(ctx context.Context, r *mcp.CallToolRequest, p *box.Program) {
	token := r.Params.GetProgressToken()
	if token == nil {
		return
	}
	written := p.Stdout.Total() + p.Stderr.Total()
	// A client that does not listen any more is seen when the call ends.
	_ = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
		ProgressToken: token, Progress: p.Elapsed().Seconds(),
		Message: fmt.Sprintf("running for %d s, %d bytes of output", int(p.Elapsed().Seconds()), written),
	})
}

type pollIn struct {
	Box         string `json:"box" jsonschema:"the id of a box"`
	Exec        string `json:"exec" jsonschema:"the id of a command"`
	StdoutFrom  int64  `json:"stdout_from,omitempty" jsonschema:"offset: stdout.bytes of the last answer"`
	StderrFrom  int64  `json:"stderr_from,omitempty" jsonschema:"offset: stderr.bytes of the last answer"`
	WaitSeconds int64  `json:"wait_seconds,omitempty" jsonschema:"how long to wait for the end, at most 25"`
}

func (s *server) execPoll(ctx context.Context, r *mcp.CallToolRequest, in pollIn) (answer[execOut], error) {
	b, p, err := s.find(in.Box, in.Exec)
	if err != nil {
		return answer[execOut]{}, err
	}
	wait := min(time.Duration(min(max(in.WaitSeconds, 0), 60))*time.Second, Patience)
	s.watch(ctx, r, p, wait) // a poll that is cancelled leaves the program alone
	return s.result(b, p, in.StdoutFrom, in.StderrFrom), nil
}

func (s *server) find(id, exec string) (box.Box, *box.Program, error) {
	b, err := s.Boxes.Known(id)
	if err != nil {
		return b, nil, err
	}
	p, err := s.Boxes.Program(id, exec)
	return b, p, err
}

type stopIn struct {
	Box    string `json:"box" jsonschema:"the id of a box"`
	Exec   string `json:"exec" jsonschema:"the id of a command"`
	Signal string `json:"signal,omitempty" jsonschema:"TERM or KILL (default)"`
}

// termTime is how long exec_stop waits for a program that was asked to end.
const termTime = 5 * time.Second

func (s *server) execStop(ctx context.Context, r *mcp.CallToolRequest, in stopIn) (answer[execOut], error) {
	b, p, err := s.find(in.Box, in.Exec)
	if err != nil {
		return answer[execOut]{}, err
	}
	switch in.Signal {
	case "TERM":
		p.Terminate()
		s.watch(ctx, r, p, termTime)
	case "", "KILL":
		held, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
		defer cancel()
		if err := p.Kill(held, box.Cancelled); err != nil {
			return answer[execOut]{}, &failure{what: fmt.Sprintf("command %q does not end", in.Exec), why: err.Error(), mend: "destroy the box"}
		}
	default:
		return answer[execOut]{}, &failure{what: fmt.Sprintf("signal %q is not known", in.Signal), why: "the signals are TERM and KILL", mend: "use one of them"}
	}
	return s.result(b, p, 0, 0), nil
}
