package e2e

import "strconv"

// lookup finds a path such as apps.0.name in decoded JSON.
func lookup(at any, path []string) (any, bool) {
	for _, key := range path {
		if key == "" {
			continue // "." is the whole
		}
		switch in := at.(type) {
		case map[string]any:
			next, ok := in[key]
			if !ok {
				return nil, false
			}
			at = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			at = in[i]
		default:
			return nil, false
		}
	}
	return at, true
}
