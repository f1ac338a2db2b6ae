package definition

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzRead holds that Read ends in time without a panic, that what it refuses
// has problems in the order of the file, and that what it accepts is written
// and read back equal.
func FuzzRead(f *testing.F) {
	for _, folder := range []string{"valid", "invalid", "invalid-semantic", "invalid-text"} {
		for _, file := range corpus(f, folder, 1) {
			f.Add(contents(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		def, err := Read(data, ReadOptions{Lookup: environment})
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
		if err == nil {
			roundTrip(t, def)
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 || def != nil {
			t.Fatalf("Read = %v, %v; want problems alone", def, err)
		}
		for i, p := range problems {
			if p.Message == "" || p.File == "" || p.Line < 0 || (p.Line > 0) != (p.Column > 0) {
				t.Errorf("incomplete problem %+v", p)
			}
			if i > 0 && p.Line < problems[i-1].Line {
				t.Errorf("%v comes after %v", p, problems[i-1])
			}
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"30s", "1d2h3m4s", "99999d", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if again, err := ParseDuration(d.String()); err != nil || again != d || d < 0 {
			t.Errorf("%q is %s, which is %v, %v", text, d, again, err)
		}
	})
}

func FuzzSize(f *testing.F) {
	for _, text := range []string{"1Gi", "0.25Ki", "9999999.75Gi", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSize(text)
		if err != nil {
			return
		}
		if again, err := ParseSize(s.String()); err != nil || again != s || s < 0 {
			t.Errorf("%q is %s, which is %v, %v", text, s, again, err)
		}
	})
}

// FuzzMarshal holds that any text a definition can hold survives being written
// and read back, wherever it stands.
func FuzzMarshal(f *testing.F) {
	for _, text := range []string{"", "x", "1e3", "0x1F", "\t", "~", "yes", "$", "${A}", "$$", "a: b", "- x", "#", "é\u2028\u0085\ufeff", "a\nb\n", " x ", "\x7f", "'", `"`, `\`, "2024-01-01", "1:30", ".inf", "<<", "|", "%", "@", "`", "-", "?", "\r\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return
		}
		def, err := Read([]byte("name: demo\napps: {api: {build: {context: .}}}\n"), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		api := def.Apps["api"]
		api.Env = map[string]string{"A": text}
		api.Args = []string{text, text}
		api.Build.Args = map[string]string{"B": text}
		def.Apps["api"] = api
		roundTrip(t, def)
	})
}
