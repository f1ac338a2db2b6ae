package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/registry"
)

// service is a service of a store that has one image, served by this program.
func service(t *testing.T) *registry.Service {
	t.Helper()
	s := open(t)
	newImage(t, "one", nil).put(t, s, "x/app", "default.1")
	return serviceOf(t, s)
}

func serviceOf(t *testing.T, s *registry.Store) *registry.Service {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &registry.Service{Store: s, Command: []string{self, serveArg}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := v.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return v
}

func ensure(t *testing.T, v *registry.Service) string {
	t.Helper()
	address, err := v.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// pid is the number of the process that runs.
func pid(t *testing.T, v *registry.Service) int {
	t.Helper()
	var at struct {
		PID int `json:"pid"`
	}
	raw, err := os.ReadFile(filepath.Join(v.Store.Dir(), "process", "serving"))
	if err != nil || json.Unmarshal(raw, &at) != nil || at.PID == 0 {
		t.Fatalf("%s, %v: no process", raw, err)
	}
	return at.PID
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func stopped(t *testing.T, v *registry.Service) func() bool {
	return func() bool {
		running, err := v.Running()
		if err != nil {
			t.Fatal(err)
		}
		return !running
	}
}

// answers fails the test unless the image can be read at the address.
func answers(t *testing.T, address string) {
	t.Helper()
	if status, _, said := (web{t, "http://" + address}).ask("GET", "/v2/x/app/manifests/default.1", nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, said)
	}
}

func TestOneProcessForMany(t *testing.T) {
	t.Parallel()
	v := service(t)
	addresses := make([]string, 8)
	var wg sync.WaitGroup
	for i := range addresses {
		wg.Go(func() {
			own := &registry.Service{Store: v.Store, Command: v.Command}
			var err error
			if addresses[i], err = own.Ensure(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, a := range addresses {
		if a != addresses[0] || !strings.HasPrefix(a, "127.0.0.1:") {
			t.Fatalf("addresses %q", addresses)
		}
	}
	answers(t, addresses[0])
	if again := ensure(t, v); again != addresses[0] {
		t.Errorf("a later call has %s", again)
	}
	if got, ok := v.Address(); !ok || got != addresses[0] {
		t.Errorf("address %q, %v", got, ok)
	}
}

// A killed process is found out, and the next one has its port.
func TestAKilledProcess(t *testing.T) {
	t.Parallel()
	v := service(t)
	before := ensure(t, v)
	answers(t, before)
	if err := syscall.Kill(pid(t, v), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", stopped(t, v))
	after := ensure(t, v)
	if after != before {
		t.Errorf("%s, before %s", after, before)
	}
	answers(t, after)
}

// Another program has the port meanwhile: that is not taken for the registry, and
// the registry gets another port.
func TestATakenPort(t *testing.T) {
	t.Parallel()
	v := service(t)
	before := ensure(t, v)
	if err := v.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp4", before)
	if err != nil {
		t.Skipf("the port was taken by somebody else already: %v", err)
	}
	defer other.Close()
	after := ensure(t, v)
	if after == before {
		t.Fatal("the same port")
	}
	answers(t, after)
}

// Where the last process answered is only taken where it can be.
func TestTheAddressOfBefore(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "127.0.0.1:1000000", "0.0.0.0:0", "example.com:80", "[::1]:0"} {
		v := service(t)
		record := filepath.Join(v.Store.Dir(), "process", "serving")
		if err := os.MkdirAll(filepath.Dir(record), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(record, []byte(`{"address":"`+before+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		address := ensure(t, v)
		if !strings.HasPrefix(address, "127.0.0.1:") || address == before {
			t.Errorf("%q: at %s", before, address)
		}
		answers(t, address)
	}
}

func TestCleanStopsTheProcessWithTheLastImage(t *testing.T) {
	t.Parallel()
	v := service(t)
	ensure(t, v)
	if err := v.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stopped(t, v)() {
		t.Fatal("stopped while there is an image")
	}
	if err := v.Store.RemoveInstance(t.Context(), "x", "default"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := v.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(v.Store.Dir()); !errors.Is(err, os.ErrNotExist) || !stopped(t, v)() {
			t.Errorf("left: %v, %v", files(t, v.Store), err)
		}
	}
	// And from the beginning.
	newImage(t, "one", nil).put(t, v.Store, "x/app", "default.1")
	answers(t, ensure(t, v))
}

// The process ends by itself where nothing is left, where nobody asks for long, and
// where its folder is gone.
func TestTheProcessEndsByItself(t *testing.T) {
	t.Setenv("TEST_FRESH", "100ms")
	empty := service(t)
	ensure(t, empty)
	if err := empty.Store.RemoveInstance(t.Context(), "x", "default"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of an empty one", stopped(t, empty))
	eventually(t, "the end of its folder", func() bool {
		_, err := os.Stat(empty.Store.Dir())
		return errors.Is(err, os.ErrNotExist)
	})

	removed := service(t)
	ensure(t, removed)
	number := pid(t, removed)
	if err := os.RemoveAll(removed.Store.Dir()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of a removed one", func() bool { return syscall.Kill(number, 0) != nil })

	t.Setenv("TEST_IDLE", "200ms")
	idle := service(t)
	ensure(t, idle)
	eventually(t, "the end of an idle one", stopped(t, idle))
	if _, ok, err := idle.Store.Complete("x/app", "default.1"); !ok || err != nil {
		t.Errorf("its image: %v, %v", ok, err)
	}
}

// A page that makes a name of its own mean 127.0.0.1 reaches nothing.
func TestOnlyALoopbackNameIsAnswered(t *testing.T) {
	t.Parallel()
	v := service(t)
	address := ensure(t, v)
	_, port, _ := net.SplitHostPort(address)
	for host, want := range map[string]int{
		address: 200, "localhost:" + port: 200, "[::1]:" + port: 200,
		"evil.example:" + port: 403, "192.168.1.2:" + port: 403, "localhost.evil.example": 403,
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, expected %d", host, answer.StatusCode, want)
		}
	}
}

func TestAProgramThatDoesNotServe(t *testing.T) {
	t.Parallel()
	s := open(t)
	v := &registry.Service{Store: s, Command: []string{filepath.Join(t.TempDir(), "none")}}
	if _, err := v.Ensure(t.Context()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "the local registry in") {
		t.Errorf("%v", err)
	}
	v.Command = []string{"/bin/false"}
	if _, err := v.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "ended at once") {
		t.Errorf("%v", err)
	}
	answering := serviceOf(t, s) // the next one begins anew
	newImage(t, "one", nil).put(t, s, "x/app", "default.1")
	answers(t, ensure(t, answering))
}

// halted waits until all threads of a process are stopped, which a signal does one by one.
func halted(t *testing.T, number int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", number))
		if err != nil || len(stats) == 0 {
			t.Fatal(err, "no threads")
		}
		moves := slices.ContainsFunc(stats, func(path string) bool {
			text, err := os.ReadFile(path)
			return err == nil && !bytes.Contains(text, []byte(") T "))
		})
		if !moves {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not stop")
		}
	}
}

// A process that hangs is not waited for forever, and is named.
func TestAProcessThatHangs(t *testing.T) {
	t.Parallel()
	v := service(t)
	ensure(t, v)
	number := pid(t, v)
	if err := syscall.Kill(number, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(number, syscall.SIGCONT) })
	halted(t, number)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := v.Ensure(ctx); err == nil || !strings.Contains(err.Error(), strconv.Itoa(number)) {
		t.Errorf("%v, expected its number %d", err, number)
	}
}
