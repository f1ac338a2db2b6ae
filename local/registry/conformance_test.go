//go:build conformance

package registry_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/registry"
)

// TestConformance runs the suite of the distribution specification, the program
// that ENVCTL_OCI_CONFORMANCE names, with everything on that it can ask for: what
// the specification leaves open and what its next version adds, too.
func TestConformance(t *testing.T) {
	program := os.Getenv("ENVCTL_OCI_CONFORMANCE")
	if program == "" {
		t.Fatal("ENVCTL_OCI_CONFORMANCE is not set; make test-registry sets it")
	}
	store, err := registry.Open(filepath.Join(t.TempDir(), "registry"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(store.Handler(registry.Options{}))
	t.Cleanup(server.Close)
	results := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir = results
	cmd.Env = append(os.Environ(),
		"OCI_REGISTRY="+strings.TrimPrefix(server.URL, "http://"), "OCI_TLS=disabled", "OCI_VERSION=dev",
		"OCI_RESULTS_DIR="+results,
		"OCI_API_BLOBS_DIGEST_HEADER=true", "OCI_API_BLOBS_UPLOAD_CANCEL=true",
		"OCI_API_MANIFESTS_DIGEST_HEADER=true", "OCI_API_MANIFESTS_TAG_PARAM=true",
	)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	// A suite that could not begin ends with status 0 as well.
	report, err := os.ReadFile(filepath.Join(results, "junit.xml"))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if n := strings.Count(string(report), "<testcase"); n < 700 || !strings.Contains(string(report), `failures="0" errors="0"`) ||
		strings.Contains(string(report), "<skipped") {
		t.Errorf("%d tests, expected more than 700 and all passed:\n%s", n, said)
	}
}
