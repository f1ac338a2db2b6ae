package definition

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/envctl/envctl/components/lazyregexp"
)

// sizePattern allows quarters only (1.5Gi, 0.25Gi), so that every size is a
// whole number of bytes with one meaning. The digits allowed keep the largest
// size within int64 and let its canonical form, in a smaller unit, match too.
const sizePattern = `^(?:0|[1-9][0-9]{0,6})(?:\.(?:25|5|75))?Gi$|^(?:0|[1-9][0-9]{0,10})(?:\.(?:25|5|75))?Mi$|^(?:0|[1-9][0-9]{0,14})(?:\.(?:25|5|75))?Ki$`

var sizeRegexp = lazyregexp.New(sizePattern)

// The units of a Size, in bytes.
const (
	kibi Size = 1 << 10
	mebi Size = 1 << 20
	gibi Size = 1 << 30
)

// ParseSize reads 512Mi, 1Gi, 1.5Gi: a number with Ki, Mi or Gi (powers of 1024).
func ParseSize(text string) (Size, error) {
	if !sizeRegexp().MatchString(text) {
		meant := ""
		if near := nearSize(text); near != "" {
			meant = fmt.Sprintf("; did you mean %q?", near)
		}
		return 0, fmt.Errorf("%q is not a size as 512Mi, 1Gi or 1.5Gi%s", text, meant)
	}
	number, unit := text[:len(text)-2], map[string]Size{"Ki": kibi, "Mi": mebi, "Gi": gibi}[text[len(text)-2:]]
	whole, fraction, _ := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size: %w", text, err)
	}
	quarters := map[string]Size{"": 0, "25": 1, "5": 2, "75": 3}[fraction]
	return Size(n)*unit + quarters*unit/4, nil
}

// otherUnits are the spellings of other tools: 512m, 1GB, 1 gib.
var otherUnits = lazyregexp.New(`^(?i)([0-9.]+) ?([kmg])i?b?$`)

// nearSize is the size that a spelling of another tool was likely meant to be, or "".
func nearSize(text string) string {
	m := otherUnits().FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	if near := m[1] + strings.ToUpper(m[2]) + "i"; sizeRegexp().MatchString(near) {
		return near
	}
	return ""
}

// Bytes is the size in bytes.
func (s Size) Bytes() int64 { return int64(s) }

// String is the canonical form: the largest unit that divides the size, so
// 1024Mi is 1Gi, 1.5Gi is 1536Mi, and nothing is 0Ki. ParseSize reads it back.
// A size that is no multiple of 1024 bytes comes from no definition; it is
// written in quarters of Ki where it can, or as a bare number of bytes.
func (s Size) String() string {
	switch {
	case s > 0 && s%gibi == 0:
		return strconv.FormatInt(int64(s/gibi), 10) + "Gi"
	case s > 0 && s%mebi == 0:
		return strconv.FormatInt(int64(s/mebi), 10) + "Mi"
	case s >= 0 && s%kibi == 0:
		return strconv.FormatInt(int64(s/kibi), 10) + "Ki"
	case s > 0 && s%(kibi/4) == 0:
		fraction := []string{"", ".25", ".5", ".75"}[s%kibi/(kibi/4)]
		return strconv.FormatInt(int64(s/kibi), 10) + fraction + "Ki"
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText is String; it implements encoding.TextMarshaler, which JSON and YAML use.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSize.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}

// MarshalJSON is String as a JSON string.
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }
