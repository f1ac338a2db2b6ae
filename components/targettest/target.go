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
	// Files are the files below a folder of the folder, with their content.
	Files(folder string) map[string]string
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
	Files     map[string]string   // that a job left and brought back
	Models    map[string]string   // what comes of tokens and models, by what is asked
	Refusals  map[string][]string // problems with their paths, by definition
}

// Known says why a variable is not compared. Empty: it is compared.
func Known(variable string) string {
	switch variable {
	case "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS":
		return "what answers for models on this machine has a certificate that no system knows; Azure's is known to all"
	}
	return ""
}
