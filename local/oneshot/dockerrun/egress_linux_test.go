package dockerrun_test

import (
	"io"
	"net/http"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/oneshot/dockerrun"
)

// A run reaches the hosts that it was given and nothing else, the report has what it
// tried with its count, and its way out goes with it. The host outside is witness.
func TestEgress(t *testing.T) {
	r := newRig(t)
	l := listenOutside(t, "80")
	var arrived atomic.Int32
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		_, _ = io.WriteString(w, "outside has "+r.Host)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	r.deps.Runner = &dockerrun.Runner{Connect: connected(r.engine), Hosts: []string{
		"allowed.example.com:" + outsider, "a.wild.example.com:" + outsider, "other.example.com:" + outsider,
	}}
	spec := python(`
import os, socket, urllib.request
get = lambda url: urllib.request.urlopen(url, timeout=5).read().decode()
for what, f in [
    ("allowed", lambda: get("http://allowed.example.com/")),
    ("again", lambda: get("http://allowed.example.com/again")),
    ("wild", lambda: get("http://a.wild.example.com/")),
    ("other", lambda: get("http://other.example.com/")),
    ("other again", lambda: get("http://other.example.com/")),
    ("address", lambda: get("http://11.215.7.2/")),
    ("straight", lambda: socket.create_connection(("11.215.7.2", 80), 3)),
    ("name", lambda: socket.getaddrinfo("allowed.example.com", 80)),
    ("metadata", lambda: get("http://169.254.169.254/latest/meta-data/")),
]:
    try: print(what, "reached", f())
    except OSError as e: print(what, "refused")
print(os.environ["HTTPS_PROXY"], os.environ["no_proxy"])
`)
	spec.Egress = []string{"allowed.example.com:80", "*.wild.example.com:80"}
	res := r.fine(r.run(spec, ""))
	want := "allowed reached outside has allowed.example.com\nagain reached outside has allowed.example.com\nwild reached outside has a.wild.example.com\n" +
		"other refused\nother again refused\naddress refused\nstraight refused\nname refused\nmetadata refused\n" +
		"http://gateway:3128 localhost,127.0.0.1,gateway\n"
	if res.out != want {
		t.Errorf("stdout %q", res.out)
	}
	if n := arrived.Load(); n != 3 {
		t.Errorf("%d requests arrived outside, expected 3", n)
	}
	reached := []oneshot.Attempt{{Host: "allowed.example.com:80", Count: 2}, {Host: "a.wild.example.com:80", Count: 1}}
	refused := map[string]int{"other.example.com:80": 2, "11.215.7.2:80": 1, "169.254.169.254:80": 1}
	if res.Egress == nil || !reflect.DeepEqual(res.Egress.Allowed, reached) {
		t.Fatalf("report of egress: %+v", res.Egress)
	}
	for _, a := range res.Egress.Refused {
		if a.Reason == "" || refused[a.Host] != a.Count {
			t.Errorf("refused: %+v", a)
		}
		delete(refused, a.Host)
	}
	if len(refused) > 0 {
		t.Errorf("missing among the refused: %v", refused)
	}
	r.gone(res.ID)

	none := r.fine(r.run(python("print('none')"), ""))
	if none.Egress != nil || none.Isolation.Network != "none" {
		t.Errorf("a run without egress: %+v", none.Report)
	}
	spec = python("print('quiet')")
	spec.Egress = []string{"allowed.example.com"}
	if quiet := r.fine(r.run(spec, "")); quiet.Egress == nil || len(quiet.Egress.Allowed)+len(quiet.Egress.Refused) > 0 {
		t.Errorf("a run that tries nothing: %+v", quiet.Egress)
	}
	spec.Egress = []string{"127.0.0.1"}
	if wrong := r.run(spec, ""); wrong.failed == nil {
		t.Error("an address was taken for a host")
	}
}
