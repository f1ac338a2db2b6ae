package starter

import (
	"strings"
	"testing"

	"github.com/envctl/envctl/components/definition"
)

func TestReadDockerfile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want Image
	}{
		"plain":        {"FROM scratch\nEXPOSE 8080\nUSER 1000:1000\n", Image{8080, "1000:1000", ""}},
		"last stage":   {"FROM a AS build\nEXPOSE 1\nUSER 7\nFROM scratch\nEXPOSE 9000/tcp\n", Image{Port: 9000}},
		"inherits":     {"FROM a AS base\nEXPOSE 81\nUSER 7\nFROM base\nUSER app\n", Image{81, "app", ""}},
		"udp":          {"FROM a\nEXPOSE 53/udp 8053/tcp\n", Image{Port: 8053}},
		"variable":     {"FROM a\nARG PORT=3000\nENV LISTEN=${PORT}\nEXPOSE $LISTEN\n", Image{Port: 3000}},
		"default":      {"FROM a\nEXPOSE ${P:-5000}\n", Image{Port: 5000}},
		"not known":    {"FROM a\nEXPOSE $P\n", Image{}},
		"range":        {"FROM a\nEXPOSE 8000-8010\n", Image{}},
		"health":       {"FROM a\nEXPOSE 80\nHEALTHCHECK --interval=5s CMD curl -f http://localhost:80/healthz || exit 1\n", Image{80, "", "/healthz"}},
		"health json":  {"FROM a\nHEALTHCHECK CMD [\"wget\", \"-q\", \"http://127.0.0.1/live\"]\n", Image{Health: "/live"}},
		"health none":  {"FROM a\nHEALTHCHECK NONE\n", Image{}},
		"continuation": {"FROM a\nEXPOSE \\\n  8081\n", Image{Port: 8081}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadDockerfile(strings.NewReader(c.file))
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	for _, bad := range []string{"", "RUN make\n", "# only a comment\n"} {
		if got, err := ReadDockerfile(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: got %+v and no error", bad, got)
		}
	}
}

// What is written must be a definition, whatever the Dockerfile says.
func TestDefinitionIsAccepted(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"nothing":   {},
		"port":      {Dockerfile: "Dockerfile", Image: Image{Port: 8080, Health: "/healthz"}},
		"elsewhere": {Dockerfile: "deep/er/Containerfile", Image: Image{User: "1000:1000"}},
		"root":      {Dockerfile: "a/Dockerfile", Image: Image{User: "root"}},
		"zero":      {Image: Image{User: "0"}},
		"name":      {Image: Image{User: "weird \"user\n"}},
		"spaces":    {Dockerfile: "my app/Docker file: #1", Image: Image{Port: 1, Health: "/a?b=c,d}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Name = NameOf("Some Folder " + name)
			text := Definition(o)
			d, err := definition.Read(text, definition.ReadOptions{})
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			app := d.Apps["app"]
			if o.Image.Port > 0 && (app.Ingress == nil || app.Ingress.Port != o.Image.Port) {
				t.Errorf("port %d was lost:\n%s", o.Image.Port, text)
			}
			if o.Image.Port > 0 && o.Image.Health != "" && (app.Health == nil || app.Health.Path != o.Image.Health) {
				t.Errorf("health path %q was lost:\n%s", o.Image.Health, text)
			}
		})
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]string{
		"csv-insights": "csv-insights", "My App (2)": "my-app-2", "": "experiment", "x": "experiment",
		"/": "experiment", "2024-data": "data", strings.Repeat("ab-", 20): "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab",
		"--": "experiment", "ünïcode": "n-code",
	} {
		if got := NameOf(folder); got != want {
			t.Errorf("NameOf(%q) = %q, want %q", folder, got, want)
		}
		text := Definition(Options{Name: NameOf(folder)})
		if _, err := definition.Read(text, definition.ReadOptions{}); err != nil {
			t.Errorf("NameOf(%q) is refused: %v", folder, err)
		}
	}
}
