package serve

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuestionIsReadAsSDKsAskIt(t *testing.T) {
	t.Parallel()
	const base, foundry = "api-version=2019-08-01", "https%3A%2F%2Fcognitiveservices.azure.com"
	const want = "https://cognitiveservices.azure.com"
	cases := map[string]struct {
		raw  string
		want question
		err  string
	}{
		"Go":                  {base + "&resource=" + foundry, question{resource: want}, ""},
		"scope":               {base + "&resource=" + foundry + "%2F.default", question{resource: want}, ""},
		"slash":               {base + "&resource=" + foundry + "%2F", question{resource: want}, ""},
		"two slashes":         {base + "&resource=" + foundry + "%2F%2F.default", question{resource: want}, ""},
		"upper case":          {base + "&resource=HTTPS://CognitiveServices.Azure.com", question{resource: want}, ""},
		"client id":           {base + "&resource=a&client_id=c", question{resource: "a", clientID: "c"}, ""},
		"resource id":         {base + "&resource=a&mi_res_id=%2Fx", question{resource: "a", resourceID: "/x"}, ""},
		"principal id":        {base + "&resource=a&principal_id=p", question{resource: "a", principalID: "p"}, ""},
		"object id":           {base + "&resource=a&object_id=p", question{resource: "a", principalID: "p"}, ""},
		"later version":       {"api-version=2025-01-31&resource=a", question{resource: "a"}, ""},
		"parameter unknown":   {base + "&resource=a&bypass_cache=true", question{resource: "a"}, ""},
		"nothing":             {"", question{}, "api-version"},
		"no version":          {"resource=a", question{}, "api-version"},
		"old version":         {"api-version=2017-09-01&resource=a", question{}, "api-version"},
		"no date":             {"api-version=9999&resource=a", question{}, "api-version"},
		"no resource":         {base, question{}, "resource is missing"},
		"empty resource":      {base + "&resource=", question{}, "resource is missing"},
		"only a scope's end":  {base + "&resource=%2F.default", question{}, "resource is missing"},
		"resource twice":      {base + "&resource=a&resource=b", question{}, "more than once"},
		"two names":           {base + "&resource=a&client_id=c&mi_res_id=r", question{}, "Only one"},
		"two principals":      {base + "&resource=a&principal_id=c&object_id=r", question{}, "mean the same"},
		"broken escape":       {base + "&resource=%zz", question{}, "cannot be read"},
		"semicolon separates": {base + ";resource=a", question{}, "cannot be read"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readQuestion(test.raw)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%+v, %v, expected an error with %q", got, err, test.err)
				}
				return
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(question{})); diff != "" || err != nil {
				t.Errorf("%v: %s", err, diff)
			}
		})
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add("api-version=2019-08-01&resource=https://a/.default&client_id=x")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := readQuestion(raw)
		if err != nil {
			if q != (question{}) {
				t.Errorf("%+v with %v", q, err)
			}
			return
		}
		if q.resource == "" || audience(q.resource) != q.resource && !strings.HasSuffix(q.resource, "/.default") {
			t.Errorf("resource %q is not as it is compared", q.resource)
		}
	})
}

func TestPathsOfModels(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		ok         bool
		deployment string
	}{
		"/openai/deployments/chat/chat/completions": {true, "chat"},
		"/openai/deployments/chat/embeddings":       {true, "chat"},
		"/openai/v1/chat/completions":               {true, ""},
		"/openai/v1/models":                         {true, ""},
		"/openai/v1/responses/resp_1":               {true, ""},
		"/openai/responses":                         {true, ""},
		"/v1/chat/completions":                      {true, ""},
		"/v1/models/":                               {true, ""},
		"":                                          {},
		"/":                                         {},
		"/v1":                                       {},
		"/v1/":                                      {},
		"/openai":                                   {},
		"/openai/":                                  {},
		"/openai/v1":                                {},
		"/openai/v1/":                               {},
		"/openai/deployments":                       {},
		"/openai/deployments/":                      {},
		"/openai/deployments/chat":                  {},
		"/openai/deployments/chat/":                 {},
		"/openai/deployments//chat/completions":     {},
		"/v1/../.envctl/attached":                   {},
		"/v1/./models":                              {},
		"/v1//models":                               {},
		"/.envctl/attached":                         {},
		"/.envctl/replaced":                         {},
		"/v1\\models":                               {},
		"/v1/mod els":                               {},
		"/v1/m\r\nHost: x":                          {},
		"/v1/é":                                     {},
		"v1/models":                                 {},
		"/chat/completions":                         {},
		"/v1/" + strings.Repeat("a", 1024):          {},
	}
	for path, want := range cases {
		got, ok := readModelPath(path, path)
		if ok != want.ok || got.Deployment != want.deployment {
			t.Errorf("%q: %+v, %v, expected %+v", path, got, ok, want)
		}
	}
	if _, ok := readModelPath("/openai/deployments/a/b/chat", "/openai/deployments/a%2Fb/chat"); ok {
		t.Error("a path with an escaped slash is read in two ways")
	}
}

func FuzzModelPath(f *testing.F) {
	f.Add("/openai/deployments/chat/chat/completions")
	f.Add("/openai/v1/../x")
	f.Fuzz(func(t *testing.T, path string) {
		got, ok := readModelPath(path, path)
		if !ok {
			return
		}
		if !strings.HasPrefix(path, "/openai/") && !strings.HasPrefix(path, "/v1/") || strings.Contains(path, "//") ||
			strings.Contains(path, "/../") || strings.Contains(got.Deployment, "/") {
			t.Errorf("accepted %q as %+v", path, got)
		}
	})
}
