package policies

import (
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// narrowEgress refuses wildcards under which anybody can get a name: what is
// allowed then is everything. Suffixes are those of publicsuffix.org, the private
// ones such as github.io and blob.core.windows.net included.
func narrowEgress(in Input) []Finding {
	var findings []Finding
	for _, w := range workloads(in.Definition) {
		for i, entry := range w.Egress {
			domain, wild := strings.CutPrefix(hostOf(entry), "*")
			domain = strings.ToLower(strings.Trim(domain, "."))
			if !wild {
				continue
			}
			if suffix, _ := publicsuffix.PublicSuffix(domain); domain != "" && suffix != domain {
				continue
			}
			findings = append(findings, Finding{
				Path:    fmt.Sprintf("%s.egress[%d]", w.path, i),
				Message: fmt.Sprintf("%q allows names that anybody can register, so data can be sent to anybody", entry),
				Hint:    "name the hosts, or a domain that one owner controls, such as *.example.com",
			})
		}
	}
	return findings
}

// hostOf cuts a port off.
func hostOf(entry string) string {
	if host, _, err := net.SplitHostPort(entry); err == nil {
		return host
	}
	return entry
}
