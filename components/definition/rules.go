package definition

import (
	"regexp"
	"strconv"
	"sync"
	"unicode/utf8"
)

// textRule is what a string must look like. The same values are the schema's
// pattern, minLength and maxLength, so the patterns keep to what Go's and
// ECMAScript's regular expressions have in common.
type textRule struct {
	pattern  string // must match; empty: anything
	not      string // must not match; empty: nothing is excluded
	min, max int    // length in characters; max 0: no bound
	want     string // what is expected, to go on from "is not "
	unlike   string // why what matches not is refused
}

const (
	labelPattern = `^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$`
	// octet and portNumber are 0 to 255 and 1 to 65535.
	octet      = `(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	portNumber = `(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})`
	hostLabel  = `[a-z0-9](?:[a-z0-9-]*[a-z0-9])?`
	// The last label begins with a letter, which an IP address never does.
	egressPattern = `^(?:\*\.)?(?:` + hostLabel + `\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?(?::` + portNumber + `)?$`
	// An image reference as the distribution project defines it: a first part
	// with a dot, a port or "localhost" is the registry.
	domainLabel  = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?`
	domain       = `(?:` + domainLabel + `(?:\.` + domainLabel + `)+(?::` + portNumber + `)?|` + domainLabel + `:` + portNumber + `|localhost)`
	imagePart    = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	imagePattern = `^(?:` + domain + `/)?` + imagePart + `(?:/` + imagePart + `)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$`
)

// reservedVariables are set by envctl or by the platform when a workload starts.
const reservedVariables = `^(?:CONTAINER_APP_|IDENTITY_|AZURE_|OPENAI_|ENVCTL_)|^(?:HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy)$`

// cronPattern is five fields of lists of *, numbers, ranges and names, each with an optional step.
var cronPattern = `^` + cronField(`[0-5]?[0-9]`) + ` +` + cronField(`(?:1?[0-9]|2[0-3])`) + ` +` + cronField(`(?:[1-9]|[12][0-9]|3[01])`) +
	` +` + cronField(`(?:[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)`) + ` +` + cronField(`(?:[0-6]|SUN|MON|TUE|WED|THU|FRI|SAT)`) + `$`

func cronField(value string) string {
	one := `(?:\*|` + value + `(?:-` + value + `)?)(?:/[1-9][0-9]?)?`
	return one + `(?:,` + one + `)*`
}

// textRules are the rules that the struct tags "rule" and "keys" name.
func textRules() map[string]textRule {
	return map[string]textRule{
		"name":  {pattern: labelPattern, min: 2, max: 32, want: "a name of 2 to 32 lower-case letters, digits and single hyphens that begins with a letter"},
		"label": {pattern: labelPattern, max: 32, want: "a name of 1 to 32 lower-case letters, digits and single hyphens that begins with a letter"},
		"workload": {pattern: labelPattern, max: 32, not: `^(?:gateway|localhost)$`, unlike: "is reserved: the sandbox itself has that name",
			want: "a name of 1 to 32 lower-case letters, digits and single hyphens that begins with a letter"},
		"variable": {pattern: `^[A-Za-z_][A-Za-z0-9_]*$`, not: reservedVariables, max: 256, unlike: "is a variable that the platform sets itself",
			want: "a name of a variable: letters, digits and _, not beginning with a digit"},
		"argument": {pattern: `^[A-Za-z_][A-Za-z0-9_]*$`, max: 256, want: "a name of a variable: letters, digits and _, not beginning with a digit"},
		"path": {pattern: `^[^\x00-\x1f\x7f]+$`, not: `^/|^[A-Za-z]:|\\|(?:^|/)\.\.(?:/|$)`, max: 1024, unlike: "is not below the folder of the definition",
			want: "a path with forward slashes, relative to the definition and below its folder"},
		"destination": {pattern: `^(?:/[^/\x00-\x1f\x7f]+)+$`, not: `/\.\.?(?:/|$)|^/(?:proc|sys|dev)(?:/|$)`, max: 1024, unlike: "is not a place that can be written to: it has a . or .. part, or is under /proc, /sys or /dev",
			want: "an absolute path in the container, without a slash at its end"},
		"egress":         {pattern: egressPattern, max: 259, want: "a host as api.github.com, *.example.com or example.com:8443 (lower case; no scheme, no path, no IP address)"},
		"image":          {pattern: imagePattern, max: 512, want: "an image reference as ghcr.io/team/app:1.2 or with @sha256:…"},
		"cron":           {pattern: cronPattern, max: 256, want: "a cron expression of five fields, as 0 6 * * MON-FRI: minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, weekday 0-6 or SUN-SAT"},
		"url-path":       {pattern: `^/[!-"$-~]*$`, max: 1024, want: "a path that begins with / and has no spaces and no #"},
		"url":            {pattern: `^https?://[^\s/?#]+(?:[/?][^\s#]*)?$`, max: 2048, want: "an address that begins with http:// or https://"},
		"word":           {pattern: `^\S+$`, max: 256, want: "a name without spaces"},
		"stage":          {pattern: `^[A-Za-z0-9][A-Za-z0-9_.-]*$`, max: 128, want: "a name of a build stage"},
		"model":          {pattern: `^[A-Za-z0-9][A-Za-z0-9._-]*$`, max: 64, want: "1 to 64 letters, digits, dots, hyphens and underscores"},
		"sku":            {pattern: `^[A-Z][A-Za-z]*$`, max: 64, want: "a kind of deployment as GlobalStandard, DataZoneStandard or Standard"},
		"reason":         {pattern: `^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$`, max: 512, want: "a reason in words, on one line"},
		"currency":       {pattern: `^[A-Z]{3}$`, want: "a currency of three capital letters as USD"},
		"email":          {pattern: `^[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+$`, max: 254, want: "an e-mail address"},
		"docker-host":    {pattern: `^(?:unix|npipe|tcp|ssh|http|https)://\S+$`, max: 512, want: "an address of a Docker engine as unix:///var/run/docker.sock, ssh://HOST or tcp://HOST:PORT"},
		"uuid":           {pattern: `^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`, want: "an id as 00000000-0000-0000-0000-000000000000"},
		"location":       {pattern: `^[a-z][a-z0-9]*$`, max: 64, want: "a region as swedencentral"},
		"resource-group": {pattern: `^[A-Za-z0-9._()-]*[A-Za-z0-9_()-]$`, max: 90, want: "a name of 1 to 90 letters, digits, -, _, (, ) and dots, not ending with a dot"},
		"ip":             {pattern: `^(?:` + octet + `\.){3}` + octet + `$`, want: "an IPv4 address, as 10.20.0.53"},
		"network":        {pattern: `^(?:` + octet + `\.){3}` + octet + `/(?:1[6-9]|2[0-7])$`, want: "an IPv4 range with a prefix from /16 to /27, as 10.20.0.0/23"},
		// Used by the reader for every string that ${NAME} is replaced in.
		"template": {pattern: `^(?:[^$]|\$\$|\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\})*$`, want: "${NAME}, ${NAME:-default} or $$ wherever there is a $"},
	}
}

// compiledRule is a textRule ready to use.
type compiledRule struct {
	textRule
	match, exclude *regexp.Regexp
}

// compiledRules are compiled once, at the first definition that is read.
var compiledRules = sync.OnceValue(func() map[string]compiledRule {
	compiled := map[string]compiledRule{}
	for name, rule := range textRules() {
		c := compiledRule{textRule: rule, match: regexp.MustCompile(rule.pattern)}
		if rule.not != "" {
			c.exclude = regexp.MustCompile(rule.not)
		}
		compiled[name] = c
	}
	return compiled
})

// refuse is why the text breaks the rule, to go on from the quoted text, or
// empty where it keeps it.
func (r compiledRule) refuse(text string) string {
	length := utf8.RuneCountInString(text)
	switch {
	case r.exclude != nil && r.exclude.MatchString(text):
		return r.unlike
	case !r.match.MatchString(text) || length < r.min:
		return "is not " + r.want
	case r.max > 0 && length > r.max:
		return "is longer than the " + strconv.Itoa(r.max) + " characters allowed; expected " + r.want
	}
	return ""
}
