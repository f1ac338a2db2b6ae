package definition

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, canonical string
		want            time.Duration
	}{
		{"30s", "30s", 30 * time.Second},
		{"10m", "10m", 10 * time.Minute},
		{"8h", "8h", 8 * time.Hour},
		{"3d", "3d", 72 * time.Hour},
		{"1h30m", "1h30m", 90 * time.Minute},
		{"90m", "1h30m", 90 * time.Minute},
		{"48h", "2d", 48 * time.Hour},
		{"1d1h1m1s", "1d1h1m1s", 25*time.Hour + 61*time.Second},
		{"0s", "0s", 0},
		{"0d0h", "0s", 0},
		{"007m", "7m", 7 * time.Minute},
		{"99999d", "99999d", 99999 * 24 * time.Hour},
	} {
		got, err := ParseDuration(c.text)
		if err != nil || got.Std() != c.want || got.String() != c.canonical {
			t.Errorf("ParseDuration(%q) = %v (%s), %v; want %v (%s)", c.text, got.Std(), got, err, c.want, c.canonical)
		}
		holdText(t, got, c.canonical)
	}
	for _, text := range []string{"", "s", "8", "-8h", "+8h", "8 h", " 8h", "8h ", "1.5h", "30m1h", "1h1h", "100ms", "1w", "8H", "100000d", "99999d24h", "８h"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
	for d, want := range map[Duration]string{Duration(1500 * time.Millisecond): "1.5s", Duration(-time.Minute): "-1m0s", math.MaxInt64: "2562047h47m16.854775807s"} {
		if d.String() != want {
			t.Errorf("String of %d ns = %q, want %q", int64(d), d, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, canonical string
		want            int64
	}{
		{"512Mi", "512Mi", 512 << 20},
		{"1Gi", "1Gi", 1 << 30},
		{"1024Mi", "1Gi", 1 << 30},
		{"1.5Gi", "1536Mi", 1536 << 20},
		{"0.25Gi", "256Mi", 256 << 20},
		{"0.75Ki", "0.75Ki", 768},
		{"3.25Ki", "3.25Ki", 3328},
		{"64Ki", "64Ki", 64 << 10},
		{"0Gi", "0Ki", 0},
		{"9999999.5Gi", "10239999488Mi", 10239999488 << 20},
		{"99999999999.75Mi", "102399999999744Ki", 102399999999744 << 10},
		{"999999999999999.75Ki", "999999999999999.75Ki", 999999999999999<<10 + 768},
	} {
		got, err := ParseSize(c.text)
		if err != nil || got.Bytes() != c.want || got.String() != c.canonical {
			t.Errorf("ParseSize(%q) = %d (%s), %v; want %d (%s)", c.text, got.Bytes(), got, err, c.want, c.canonical)
		}
		holdText(t, got, c.canonical)
	}
	for _, text := range []string{"", "1", "Gi", "1G", "1GB", "1gi", "-1Gi", "01Gi", "1.Gi", ".5Gi", "1.3Gi", "1.50Gi", "1 Gi", "1Ti", "10000000Gi", "1e3Mi"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %v, want an error", text, got)
		}
	}
	for text, want := range map[string]string{"1g": "1Gi", "512MB": "512Mi", "64 kib": "64Ki", "1.5G": "1.5Gi", "1.3G": "", "512": "", "1T": "", "": ""} {
		if got := nearSize(text); got != want {
			t.Errorf("nearSize(%q) = %q, want %q", text, got, want)
		}
	}
	if got := Size(1000).String(); got != "1000" {
		t.Errorf("String of 1000 bytes = %q", got)
	}
}

// holdText checks the text and JSON forms, and that both are read back.
func holdText[T interface {
	comparable
	MarshalText() ([]byte, error)
}](t *testing.T, value T, canonical string) {
	t.Helper()
	text, err := value.MarshalText()
	if err != nil || string(text) != canonical {
		t.Errorf("MarshalText = %s, %v; want %s", text, err, canonical)
	}
	data, err := json.Marshal(value)
	if err != nil || string(data) != `"`+canonical+`"` {
		t.Errorf("MarshalJSON = %s, %v; want %q", data, err, canonical)
	}
	var again T
	if err := json.Unmarshal(data, &again); err != nil || again != value {
		t.Errorf("%s reads back as %v, %v", data, again, err)
	}
}
