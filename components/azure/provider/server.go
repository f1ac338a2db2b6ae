package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// server is the provider as the engine speaks to it. The raw protocol is served
// because the random seed and the autonaming of a check, and the inputs of a
// resource that failed, are in nothing above it.
type server struct {
	pulumirpc.UnimplementedResourceProviderServer
	opts   Options
	tables tables
	locks  locks
	stop   chan struct{} // closed by Cancel
	ending sync.Once

	mu     sync.Mutex
	config map[string]string // azure-native:KEY, guarded by mu
	client Client            // nil until connected, guarded by mu
	groups map[string]string // regions of resource groups, guarded by mu
}

func newServer(opts Options) *server {
	return &server{opts: opts, stop: make(chan struct{}), config: map[string]string{}, groups: map[string]string{}}
}

// defaultTimeout bounds one operation where the program gives no custom timeout.
const defaultTimeout = 2 * time.Hour

// begin gives an operation its end: the caller's, Cancel's, or the timeout (s).
func (s *server) begin(ctx context.Context, seconds float64) (context.Context, context.CancelFunc) {
	limit := defaultTimeout
	if seconds > 0 {
		limit = time.Duration(seconds * float64(time.Second))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ctx, done := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the operation did not end within %s: "+
		"give it longer with customTimeouts", limit))
	go func() {
		select {
		case <-s.stop:
			cancel(errors.New("the operation was cancelled"))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { done(); cancel(nil) }
}

// Cancel ends every request in flight.
func (s *server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	s.ending.Do(func() { close(s.stop) })
	return &emptypb.Empty{}, nil
}

// GetPluginInfo names the version whose state this provider writes.
func (s *server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: Version}, nil
}

// connect returns the connection, made at the first call.
func (s *server) connect(ctx context.Context) (Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	c, err := s.opts.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.isConfigured(c); err != nil {
		return nil, err
	}
	s.client = c
	return c, nil
}

// isConfigured compares the connection with what the stack's configuration asks for.
func (s *server) isConfigured(c Client) error {
	for key, have := range map[string]string{"subscriptionId": c.Subscription(), "tenantId": c.Tenant()} {
		if want := s.config[key]; want != "" && have != "" && !strings.EqualFold(want, have) {
			return fmt.Errorf("the stack's configuration azure-native:%s is %q, but envctl is connected to %q: "+
				"change either", key, want, have)
		}
	}
	return nil
}

func (s *server) location() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.config[locationKey]; l != "" {
		return l
	}
	return s.opts.Location
}

func wire() plugin.MarshalOptions {
	return plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true}
}

func unmarshal(st *structpb.Struct) (property.Map, error) {
	m, err := plugin.UnmarshalProperties(st, wire())
	if err != nil {
		return property.Map{}, err
	}
	return presource.FromResourcePropertyMap(m), nil
}

func marshal(m property.Map) (*structpb.Struct, error) {
	return plugin.MarshalProperties(presource.ToResourcePropertyMap(m), wire())
}

// typeOf finds the table of a URN's type.
func (s *server) typeOf(urn string) (*resourceType, error) {
	return s.tables.find(string(presource.URN(urn).Type()))
}

// request is what every call for one resource works with.
type request struct {
	rt    *resourceType
	old   property.Map // inputs so far
	in    property.Map // new inputs
	state property.Map // outputs so far

	creating bool // not known to the state so far
}

func (s *server) request(urn string, old, in, state *structpb.Struct) (request, error) {
	rt, err := s.typeOf(urn)
	if err != nil {
		return request{}, err
	}
	r := request{rt: rt}
	if r.old, err = unmarshal(old); err != nil {
		return r, err
	}
	if r.in, err = unmarshal(in); err != nil {
		return r, err
	}
	if r.state, err = unmarshal(state); err != nil {
		return r, err
	}
	// An engine that does not send old inputs finds them where the state keeps them.
	if v := r.state.Get(inputsKey); old == nil && v.IsMap() {
		r.old = v.AsMap()
	}
	return r, nil
}
