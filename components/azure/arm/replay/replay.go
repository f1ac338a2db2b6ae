// Package replay answers the requests of a client with what a recording of
// package record has, so that a failure that was recorded at Azure becomes a
// test without Azure.
//
// A request is answered by the first exchange not yet used that has its method
// and its URL, both redacted; bodies are not compared. A request that the
// recording does not have, or no longer has, is an error that names it: nothing
// is made up. [Player.Left] names what was recorded and not asked.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/envctl/envctl/components/azure/arm/record"
	"github.com/envctl/envctl/components/azure/arm/redact"
)

// Player is a transport that plays a recording. It is safe for concurrent use.
type Player struct {
	mu        sync.Mutex
	exchanges []record.Exchange
	used      []bool
	now       time.Time
}

// Open reads a recording from a file.
func Open(path string) (*Player, error) {
	exchanges, err := record.Read(path)
	if err != nil {
		return nil, err
	}
	return New(exchanges), nil
}

// New plays the exchanges.
func New(exchanges []record.Exchange) *Player {
	p := &Player{exchanges: exchanges, used: make([]bool, len(exchanges))}
	if len(exchanges) > 0 {
		p.now = exchanges[0].Time
	}
	return p
}

// RoundTrip answers a request; it is Do, for an http.Client.
func (p *Player) RoundTrip(req *http.Request) (*http.Response, error) { return p.Do(req) }

// Do answers a request.
func (p *Player) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close() // a transport closes it; it is not looked at
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	url := redact.New().URL(req.URL.String())
	asked := 0
	for i, e := range p.exchanges {
		if e.Request.Method != req.Method || e.Request.URL != url {
			continue
		}
		if p.used[i] {
			asked++
			continue
		}
		p.used[i] = true
		p.now = e.Time.Add(time.Duration(e.MS) * time.Millisecond)
		return answer(req, e)
	}
	return nil, final{fmt.Errorf("the recording has %d exchanges of %s %s, and one more was asked; record the command again", asked, req.Method, url)}
}

// final is an error that is not mended by asking again.
type final struct{ error }

// NonRetriable is azcore's mark.
func (final) NonRetriable() {}

// answer is the response of an exchange.
func answer(req *http.Request, e record.Exchange) (*http.Response, error) {
	if e.Response == nil {
		return nil, errors.New(e.Error)
	}
	header := e.Response.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Del("Content-Length") // redaction changed it
	header.Del("Content-Encoding")
	var body io.Reader = bytes.NewReader(record.Bytes(e.Response.Body))
	if e.Error != "" {
		body = io.MultiReader(body, broken{errors.New(e.Error)})
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", e.Response.Status, http.StatusText(e.Response.Status)),
		StatusCode: e.Response.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(body), ContentLength: -1, Request: req,
	}, nil
}

// broken is the end of a body that broke off.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// Left names the requests of the recording that were not asked, in their order.
func (p *Player) Left() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for i, e := range p.exchanges {
		if !p.used[i] {
			out = append(out, e.Request.Method+" "+e.Request.URL)
		}
	}
	return out
}

// Now is the recording's time: that of the last answer. With it as the client's
// clock a clock that was off in the recording is off in the replay.
func (p *Player) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// Sleep lets the recording's time pass without waiting.
func (p *Player) Sleep(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	p.now = p.now.Add(d)
	p.mu.Unlock()
	return ctx.Err()
}

// Credential is a credential whose tokens are the mark of redaction: requests to
// Entra are then not played.
func (p *Player) Credential() azcore.TokenCredential { return credential{} }

type credential struct{}

func (credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: redact.Mark, ExpiresOn: time.Now().Add(24 * time.Hour)}, nil
}
