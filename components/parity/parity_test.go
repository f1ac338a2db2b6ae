package parity_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/parity"
)

func read(t *testing.T, text string) *definition.Definition {
	t.Helper()
	d, err := definition.Read([]byte(text), definition.ReadOptions{
		File: "envctl.yaml", Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func components(rows []parity.Row) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.Component)
	}
	return out
}

// differences are all of a component; "" where it is not there.
func differences(rows []parity.Row, component string) string {
	for _, r := range rows {
		if r.Component == component {
			return strings.Join(r.Differences, "\n")
		}
	}
	return ""
}

const full = `name: full
ttl: 8h
budget: {amount: 50, onExceeded: stop}
models: {chat: {model: gpt-4o-mini}}
secrets: {key: {generate: 32}}
apps:
  web: {image: a/b, ingress: {port: 80, public: true}, scale: {min: 1, max: 3}, needs: [api], models: [chat]}
  api: {image: a/b, ingress: {port: 81}, scratch: 64Mi, secrets: {KEY: key}, egress: [example.com]}
jobs:
  nightly: {image: a/b, schedule: "0 6 * * *", outputs: /out}
targets: {azure: {location: swedencentral, egress: firewall}, local: {models: {provider: echo}}}
`

func TestEveryComponentIsThereInItsOrder(t *testing.T) {
	t.Parallel()
	got := components(parity.Of(read(t, full)))
	want := []string{"registry", "environment", "app api", "app web", "job nightly", "identity", "variables", "egress",
		"model chat", "secrets", "budget", "expiry", "logs"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatIsNotUsedIsLeftOut(t *testing.T) {
	t.Parallel()
	got := components(parity.Of(read(t, "name: small\napps: {a: {image: a/b}}\n")))
	if want := []string{"registry", "environment", "app a", "identity", "variables", "egress", "logs"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDifferencesAreNamed(t *testing.T) {
	t.Parallel()
	rows := parity.Of(read(t, full))
	for component, wants := range map[string][]string{
		"app web":     {"one replica locally, 1 to 3 on Azure", "after 240 s"},
		"app api":     {"/tmp is memory", "read-only", "the image's own USER"},
		"job nightly": {"`envctl run nightly` starts it", "in /out on Azure, names that differ only in case", "stderr"},
		"identity":    {"local tokens open this experiment's models"},
		"variables":   {"ENVCTL_TARGET", "SSL_CERT_DIR", "HTTPS_PROXY"},
		"egress":      {"each workload has its own list"},
		"model chat":  {"another server"},
		"budget":      {"some hours after", "list prices"},
		"expiry":      {"even if nobody runs envctl again"},
		"logs":        {"some minutes late"},
		"environment": {"https"},
	} {
		for _, want := range wants {
			if got := differences(rows, component); !strings.Contains(got, want) {
				t.Errorf("%s: %q is not among %q", component, want, got)
			}
		}
	}
	if got := differences(rows, "app api"); strings.Contains(got, "240 s") || strings.Contains(got, "models") {
		t.Errorf("an app without a public address or models: %q", got)
	}
	small := parity.Of(read(t, "name: small\napps: {a: {image: a/b, scale: {min: 1}}}\n"))
	if got := differences(small, "app a"); strings.Contains(got, "replica") || strings.Contains(got, "stops") {
		t.Errorf("an app that never stops and never scales: %q", got)
	}
	if got := differences(small, "identity"); !strings.Contains(got, "set on Azure only") {
		t.Errorf("without models: %q", got)
	}
	if got := differences(small, "egress"); strings.Contains(got, "proxy") {
		t.Errorf("without a list: %q", got)
	}
}

func TestAPlatformIsOnAzureOnly(t *testing.T) {
	t.Parallel()
	rows := parity.Of(read(t, "kind: Platform\nname: shared\nmodels: {chat: {model: gpt-4o-mini}}\n"))
	if got := components(rows); !slices.Equal(got, []string{"registry", "environment", "model chat", "logs"}) || rows[0].Local != "none" || rows[1].Local != "none" {
		t.Errorf("%+v", rows)
	}
	rows = parity.Of(read(t, "name: on\nplatform: shared\nmodels: {chat: {model: gpt-4o}}\napps: {a: {image: a/b, models: [chat]}}\n"))
	i := slices.IndexFunc(rows, func(r parity.Row) bool { return r.Component == "model chat" })
	if !strings.Contains(rows[0].Azure, `"shared"`) || !strings.Contains(differences(rows, "environment"), "a ground of its own") || i < 0 || !strings.Contains(rows[i].Azure, `account of platform "shared"`) {
		t.Errorf("%+v", rows)
	}
}

// The same definition always gives the same table.
func TestItIsAFunction(t *testing.T) {
	t.Parallel()
	d := read(t, full)
	first := parity.Of(d)
	for range 20 {
		if again := parity.Of(d); !slices.EqualFunc(first, again, func(a, b parity.Row) bool {
			return a.Component == b.Component && a.Local == b.Local && a.Azure == b.Azure && slices.Equal(a.Differences, b.Differences)
		}) {
			t.Fatalf("%+v is not %+v", again, first)
		}
	}
}
