package definition

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// durationPattern is days, hours, minutes and seconds in that order, each at
// most once. Five digits a part keep the sum below 293 years, which int64 holds.
const durationPattern = `^(?:[0-9]{1,5}d)?(?:[0-9]{1,5}h)?(?:[0-9]{1,5}m)?(?:[0-9]{1,5}s)?$`

var durationRegexp = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?$`)
})

const (
	day = 24 * time.Hour
	// longest is what five digits of days can write.
	longest = 99_999*day + day - time.Second
)

// ParseDuration reads 30s, 10m, 8h, 3d or a combination in falling units as 1h30m.
func ParseDuration(text string) (Duration, error) {
	parts := durationRegexp().FindStringSubmatch(text)
	if parts == nil || text == "" {
		return 0, fmt.Errorf("%q is not a duration as 30s, 10m, 8h, 3d or 1h30m", text)
	}
	var sum time.Duration
	for i, unit := range []time.Duration{day, time.Hour, time.Minute, time.Second} {
		if parts[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(parts[i+1])
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration: %w", text, err)
		}
		sum += time.Duration(n) * unit
	}
	if sum > longest {
		return 0, fmt.Errorf("%q is longer than 99999d", text)
	}
	return Duration(sum), nil
}

// Std is the duration as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the canonical form, largest units first: 90m is 1h30m, 48h is 2d,
// nothing is 0s. ParseDuration reads it back. A duration that the format cannot
// hold (negative, or with a part of a second) is written as time.Duration does.
func (d Duration) String() string {
	rest := time.Duration(d)
	if rest < 0 || rest%time.Second != 0 {
		return rest.String()
	}
	if rest == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := rest / unit.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + unit.name)
			rest %= unit.size
		}
	}
	return b.String()
}

// MarshalText is String; it implements encoding.TextMarshaler, which JSON and YAML use.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDuration.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// MarshalJSON is String as a JSON string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }
