package ask

import (
	"strings"
	"time"
)

// At returns what stands at a path of keys; nil where there is nothing. Keys are
// compared without case, since resource providers differ in it.
func At(o any, path ...string) any {
	for _, key := range path {
		m, ok := o.(map[string]any)
		if !ok {
			return nil
		}
		next, ok := m[key]
		if !ok {
			for k, v := range m {
				if strings.EqualFold(k, key) {
					next = v
					break
				}
			}
		}
		o = next
	}
	return o
}

// Text is the string at a path; empty where there is none.
func Text(o any, path ...string) string {
	s, _ := At(o, path...).(string)
	return s
}

// Number is the number at a path, and whether there is one.
func Number(o any, path ...string) (float64, bool) {
	switch n := At(o, path...).(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case interface{ Float64() (float64, error) }: // json.Number
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}

// Whole is the number at a path as an int; 0 where there is none.
func Whole(o any, path ...string) int {
	n, _ := Number(o, path...)
	return int(n)
}

// Yes says whether true stands at a path.
func Yes(o any, path ...string) bool {
	b, _ := At(o, path...).(bool)
	return b
}

// Items are the objects of the list at a path.
func Items(o any, path ...string) []Object {
	list, _ := At(o, path...).([]any)
	out := make([]Object, 0, len(list))
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// Texts are the strings of the list at a path.
func Texts(o any, path ...string) []string {
	list, _ := At(o, path...).([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Time is the point in time at a path; zero where there is none.
func Time(o any, path ...string) time.Time {
	at, _ := ParseTime(Text(o, path...))
	return at
}

// ParseTime reads the forms that Azure writes: RFC 3339, and the same without a
// zone, which is UTC.
func ParseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// Tags are the tags of a resource, by name in lower case: the name of a tag has
// no case, its value has.
func Tags(o any) map[string]string {
	m, _ := At(o, "tags").(map[string]any)
	out := make(map[string]string, len(m))
	for name, value := range m {
		if s, ok := value.(string); ok {
			out[strings.ToLower(name)] = s
		}
	}
	return out
}
