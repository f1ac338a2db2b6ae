package allow

import (
	"strconv"
	"strings"
)

const (
	// maxName and maxLabel are the limits of DNS in characters (RFC 1035).
	maxName  = 253
	maxLabel = 63
)

// Host is a DNS name in its one spelling: lower case, without the dot at its end,
// of letters, digits and hyphens. Only [ParseHost] makes one, so that a name that
// was checked and a name that is resolved cannot differ.
type Host struct {
	name string
}

// String returns the name; for the zero Host it is empty.
func (h Host) String() string { return h.name }

// Error says why a text is no host, or no port. Its text holds nothing of what was
// asked for, so that it is safe to print.
type Error struct {
	what, hint string
}

// Error implements error.
func (e *Error) Error() string { return e.what }

// Hint says what to write instead; empty where nothing mends it.
func (e *Error) Hint() string { return e.hint }

// ParseHost reads a host as a client or a definition writes it. An IP address in
// any spelling is an error: what is allowed is allowed by name.
func ParseHost(text string) (Host, error) {
	name := strings.TrimSuffix(text, ".")
	if name == "" {
		return Host{}, &Error{"no host", "a name as api.example.com"}
	}
	for i := range len(name) {
		if err := checkByte(name[i]); err != nil {
			return Host{}, err
		}
	}
	if len(name) > maxName {
		return Host{}, &Error{"a name of more than 253 characters", ""}
	}
	name = strings.ToLower(name)
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return Host{}, &Error{"a name with an empty part, one of more than 63 characters, or one with a hyphen at its edge", ""}
		}
		last = label
	}
	// The last label of a name begins with a letter. That of an IPv4 address does
	// not, be it dotted, short, octal, hexadecimal or one number.
	if last[0] < 'a' {
		return Host{}, errAddress()
	}
	return Host{name: name}, nil
}

// checkByte names what is wrong with a byte of a name.
func checkByte(c byte) error {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.':
		return nil
	case c == ':', c == '[', c == ']':
		return errAddress()
	case c >= 0x80:
		return &Error{"a name with letters other than ASCII", "write it in punycode, as xn--bcher-kva.example"}
	case c <= ' ', c == 0x7f:
		return &Error{"a name with a space or a control character", ""}
	case c == '%':
		return &Error{"a name with a percent sign: neither escapes nor zones are read", ""}
	case c == '@':
		return &Error{"a name with a user before it", ""}
	}
	return &Error{"a name with a character that no host name has: letters, digits, hyphens and dots are read", ""}
}

func errAddress() error {
	return &Error{"an IP address: hosts are allowed by name only", "use the name of the host"}
}

// ParseTarget reads HOST:PORT; without a port it is missing, 0 for one that must
// be given.
func ParseTarget(text string, missing int) (Host, int, error) {
	name, port := text, missing
	// A colon more belongs to an IPv6 address, which ParseHost refuses.
	if at := strings.LastIndexByte(text, ':'); at >= 0 && !strings.HasSuffix(text, "]") {
		host, err := ParseHost(text[:at])
		if err != nil {
			return Host{}, 0, err
		}
		port, err = parsePort(text[at+1:])
		return host, port, err
	}
	host, err := ParseHost(name)
	if err != nil {
		return Host{}, 0, err
	}
	if port == 0 {
		return Host{}, 0, &Error{"no port", "write HOST:PORT"}
	}
	return host, port, nil
}

// parsePort reads a port in its one spelling: no sign, no leading zero.
func parsePort(text string) (int, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 || text[0] == '0' || text[0] == '+' {
		return 0, &Error{"a port that is not 1 to 65535", ""}
	}
	return int(port), nil
}
