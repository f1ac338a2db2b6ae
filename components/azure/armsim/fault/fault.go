// Package fault describes the failures that the simulator is told to have: the
// rows of faults that were seen on the real service, and seeded random schedules.
package fault

import "time"

// Fault is one failure to have. It applies to the Nth request (1 is the first)
// that matches Type and Op, and to Times requests from there.
type Fault struct {
	// Type is a resource type without case, as Microsoft.App/containerApps;
	// "" or "*": any.
	Type string `json:"type,omitempty"`
	// Op is put, patch, get, list, delete, post, token, pull or push; "" any.
	Op string `json:"op,omitempty"`
	// Name is the last name of the resource, without case; "" any.
	Name string `json:"name,omitempty"`
	// Nth counts matching requests, 1 the first; 0 is 1.
	Nth int `json:"nth,omitempty"`
	// Times is how many requests it hits; 0 is 1, below zero every one.
	Times int `json:"times,omitempty"`

	// Status, Code and Message are the error's; Headers are added to the answer.
	Status  int               `json:"status,omitempty"`
	Code    string            `json:"code,omitempty"`
	Message string            `json:"message,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Async makes the request be taken, and its long-running operation fail with
	// Code and Message; the resource stays with provisioningState Failed.
	Async bool `json:"async,omitempty"`
	// Delay is added to the long-running operation, or for a request that has
	// none to the answer.
	Delay time.Duration `json:"delay,omitempty"`
	// Wire breaks the answer itself; see the constants.
	Wire Wire `json:"wire,omitempty"`
}

// Wire is a way to break an answer.
type Wire string

// The ways. All but DropBefore apply the request first, which is what makes
// them hard: the client cannot know.
const (
	DropBefore Wire = "drop-before" // connection closed, nothing done
	DropAfter  Wire = "drop-after"  // done, connection closed without an answer
	Cut        Wire = "cut"         // half of the body
	Empty      Wire = "empty"       // no body
	NotJSON    Wire = "not-json"    // an HTML page
	Huge       Wire = "huge"        // 50 MB of JSON
)
