package provider

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

const locationKey = "location"

// fillLocation sets the region where the type has one and none is given: the old
// one, the configured one, or the resource group's. A group that is not known or
// not there yet leaves it open.
func (s *server) fillLocation(ctx context.Context, rt *resourceType, in, old property.Map) (property.Map, error) {
	p, has := rt.props[locationKey]
	if !has || !p.in {
		return in, nil
	}
	if _, ok := given(in, locationKey); ok {
		return in, nil
	}
	if v, ok := given(old, locationKey); ok {
		return in.Set(locationKey, v), nil
	}
	if l := s.location(); l != "" {
		return in.Set(locationKey, property.New(l)), nil
	}
	if rt.path.name() == groupParam {
		return in, nil
	}
	group, ok := given(in, groupParam)
	switch {
	case !ok:
		return in, nil // the check says that the group is missing
	case !group.IsString():
		return in.Set(locationKey, property.New(property.Computed)), nil
	}
	l, err := s.groupLocation(ctx, group.AsString())
	if err != nil {
		return in, err
	}
	if l == "" {
		return in.Set(locationKey, property.New(property.Computed)), nil
	}
	return in.Set(locationKey, property.New(l)), nil
}

const (
	groupParam = "resourceGroupName"
	groupAPI   = "2022-09-01"
)

// groupLocation is a resource group's region, "" where there is none.
func (s *server) groupLocation(ctx context.Context, group string) (string, error) {
	s.mu.Lock()
	l := s.groups[group]
	s.mu.Unlock()
	if l != "" {
		return l, nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	body, err := c.Get(ctx, "/subscriptions/"+c.Subscription()+"/resourcegroups/"+group, groupAPI)
	if isNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("finding the region of resource group %q, since none is given: %w", group, err)
	}
	l, _ = body[locationKey].(string)
	s.mu.Lock()
	s.groups[group] = l
	s.mu.Unlock()
	return l, nil
}

// settleLocation finds, at create, the region that a check had to leave open.
func (s *server) settleLocation(ctx context.Context, rt *resourceType, in property.Map) (property.Map, error) {
	if v, ok := in.GetOk(locationKey); !ok || !v.IsComputed() {
		return in, nil
	}
	in, err := s.fillLocation(ctx, rt, in.Delete(locationKey), property.Map{})
	if err == nil && in.Get(locationKey).IsComputed() {
		err = fmt.Errorf("resource group %v does not exist, and no region is given: "+
			"give `location`, or make the group first", in.Get(groupParam).GoString())
	}
	return in, err
}
