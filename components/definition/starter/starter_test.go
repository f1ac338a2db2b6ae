package starter_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/definition/starter"
)

func TestParseDockerfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		ports      []int
		user       string
	}{
		{"nothing", "FROM scratch\n", nil, ""},
		{"port and user", "FROM alpine\nEXPOSE 8080\nUSER 1000:1000\nHEALTHCHECK CMD true\n", []int{8080}, "1000:1000"},
		{"several ports", "FROM a\nEXPOSE 80/tcp 53/udp 9000-9010\nEXPOSE 443\n", []int{80, 9000, 443}, ""},
		{"last stage only", "FROM a AS build\nEXPOSE 1\nUSER 1\nFROM b\nEXPOSE 2\n", []int{2}, ""},
		{"stage on a stage", "FROM a AS Base\nEXPOSE 1\nUSER 5\nFROM base\nEXPOSE 2\n", []int{1, 2}, "5"},
		{"stage by number", "FROM a\nUSER 7\nFROM 0\n", nil, "7"},
		{"variables", "ARG G=81\nFROM a\nARG G\nARG P=8080\nENV Q=9000 R=1\nEXPOSE $P ${Q} ${G} ${MISSING}\nUSER ${U:-1001}\n", []int{8080, 9000, 81}, "1001"},
		{"env before arg", "FROM a\nENV P=1\nARG P=2\nEXPOSE $P\n", []int{1}, ""},
		{"escape", "# escape=`\nFROM a\nEXPOSE `\n 80\n", []int{80}, ""},
		{"out of range", "FROM a\nEXPOSE 0 70000 http\n", nil, ""},
		{"last user", "FROM a\nUSER root\nUSER app\n", nil, "app"},
	} {
		got, err := starter.ParseDockerfile(strings.NewReader(c.text))
		if err != nil || !slices.Equal(got.Ports, c.ports) || got.User != c.user {
			t.Errorf("%s: %+v, %v; want %v, %q", c.name, got, err, c.ports, c.user)
		}
	}
	if _, err := starter.ParseDockerfile(strings.NewReader("")); err == nil {
		t.Error("an empty Dockerfile is accepted")
	}
}

func TestStarter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		dockerfile *starter.Dockerfile
		port       int
		user       int64
		says       string
	}{
		{"none", nil, 0, -1, "no Dockerfile"},
		{"empty", &starter.Dockerfile{}, 0, -1, "Without ingress"},
		{"port and user", &starter.Dockerfile{Ports: []int{8080, 9000}, User: "1000:1000"}, 8080, 1000, "also has 9000"},
		{"named user", &starter.Dockerfile{User: "no\nbody"}, 0, -1, `USER "no\nbody"`},
		{"root", &starter.Dockerfile{User: "0"}, 0, -1, "root"},
		{"large user", &starter.Dockerfile{User: "4294967296"}, 0, -1, "4294967296"},
	} {
		text := starter.Starter(starter.Options{Name: "my-app", Dockerfile: c.dockerfile})
		def, err := definition.Read(text, definition.ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, text)
			continue
		}
		app := def.Apps["app"]
		port, user := 0, int64(-1)
		if app.Ingress != nil {
			port = app.Ingress.Port
		}
		if app.User != nil {
			user = *app.User
		}
		if def.Name != "my-app" || app.Build == nil || port != c.port || user != c.user {
			t.Errorf("%s: port %d, user %d; want %d, %d\n%s", c.name, port, user, c.port, c.user, text)
		}
		if !strings.HasPrefix(string(text), definition.SchemaLine) || !strings.Contains(string(text), c.says) {
			t.Errorf("%s: does not say %q\n%s", c.name, c.says, text)
		}
	}
}

// TestCommentsAreValid holds that the keys which are shown as comments are right too.
func TestCommentsAreValid(t *testing.T) {
	t.Parallel()
	text := string(starter.Starter(starter.Options{Name: "my-app", Dockerfile: &starter.Dockerfile{}}))
	shown := regexp.MustCompile(`(?m)^( *)# ( *[a-z-]+: ?.*)$`)
	if got := len(shown.FindAllString(text, -1)); got != 13 { // with the schema line
		t.Errorf("%d keys are shown as comments, want 12", got-1)
	}
	text = shown.ReplaceAllString(strings.TrimPrefix(text, definition.SchemaLine), "$1$2")
	def, err := definition.Read([]byte(text), definition.ReadOptions{Lookup: os.LookupEnv})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if app := def.Apps["app"]; app.Health == nil || app.Scratch == 0 || app.Secrets["DB_PASSWORD"] != "db-password" || def.TTL == 0 {
		t.Errorf("not all of it is read: %+v", def)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "My App_2")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	opts, err := starter.Detect(dir)
	if err != nil || opts.Name != "my-app-2" || opts.Dockerfile != nil {
		t.Errorf("without a Dockerfile: %+v, %v", opts, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nEXPOSE 80\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err = starter.Detect(dir)
	if err != nil || opts.Dockerfile == nil || !slices.Equal(opts.Dockerfile.Ports, []int{80}) {
		t.Errorf("with a Dockerfile: %+v, %v", opts, err)
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]string{
		"csv-insights": "csv-insights", "My App": "my-app", "2024_report": "report", "___": "experiment", "/": "experiment", "é": "experiment", "x": "experiment",
		strings.Repeat("ab-", 20): "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab", "a--b": "a-b",
	} {
		if got := starter.Name(folder); got != want {
			t.Errorf("Name(%q) = %q, want %q", folder, got, want)
		}
		if _, err := definition.Read([]byte("name: "+want+"\nmodels: {m: {model: x}}\n"), definition.ReadOptions{}); err != nil {
			t.Errorf("Name(%q) = %q: %v", folder, want, err)
		}
	}
}
