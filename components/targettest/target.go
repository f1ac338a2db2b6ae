package targettest

import "testing"

// Target is one target under test.
type Target struct {
	Name  string   // as the flag --target takes it
	Flags []string // of every command that is about this target
	Up    []string // more flags of up
	// Begin gives an experiment of its own, which is removed when the test ends.
	Begin func(t testing.TB) Session
}

// Session is an experiment with a name and a folder of its own.
type Session interface {
	Name() string
	// Write writes a file of the folder; a program is executable.
	Write(file string, content []byte, program bool)
	// Envctl runs envctl in the folder to its end.
	Envctl(args ...string) Call
}

// Call is a run of envctl that has ended.
type Call struct {
	Args           []string
	Stdout, Stderr string
	Status         int
}

// Facts are what a target did, without what is its own: two targets that do alike
// have equal facts.
type Facts struct {
	Outputs   []string            // keys that have a value: apps.api.url
	Images    map[string]int      // by app or job: the same number is the same digest
	Variables map[string]string   // of the app api; addresses, times and names of revisions as words
	Jobs      map[string]int      // exit status, by job
	Refusals  map[string][]string // problems with their paths, by definition
}

// Known says why a variable is not compared: one target sets it and the other does
// not yet. Empty: it is compared.
func Known(variable string) string {
	switch variable {
	case "AZURE_CLIENT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER":
		return "the local sandbox has no identities"
	}
	return ""
}
