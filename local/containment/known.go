package containment

// Entry is an escape, a bypass or a leak that somebody else's sandbox had.
type Entry struct {
	Number int
	Source string
	What   string // happened, in words
	// Rows try the same; Elsewhere says where it is tested, or what keeps it from
	// applying, where rows cannot or do not suffice.
	Rows      []string
	Elsewhere string
	// Tests are the functions that prove it there, each as FOLDER.NAME of this module;
	// a test holds that they exist.
	Tests []string
}

// Known are the escapes that the rows were written after. A test holds that each has
// a row or a place.
func Known() []Entry {
	return []Entry{
		{Number: 1, Source: "CVE-2024-29018 (moby)", What: "lookups of internal networks were forwarded from the host's namespace", Rows: []string{"dns-names"}},
		{Number: 2, Source: "NVIDIA/OpenShell#1169", What: "a proxy resolved a name before it judged it", Rows: []string{"proxy-names"}},
		{Number: 3, Source: "superradcompany/microsandbox#675", What: "any name resolved, so names carried data", Rows: []string{"dns-names"}},
		{Number: 4, Source: "anthropic-experimental/sandbox-runtime#88", What: "a resolver of the network was reached directly", Rows: []string{"dns-direct", "udp-out"}},
		{Number: 5, Source: "coder/httpjail#53", What: "DNS was left open by default", Rows: []string{"dns-names", "dns-direct", "icmp-out"}},
		{Number: 6, Source: "sandbox-runtime, SOCKS5 with NUL", What: "a control byte made the checked name another than the dialled one", Rows: []string{"proxy-spellings"}, Elsewhere: "local/gateway/allow: one reader of hosts, fuzzed", Tests: []string{"local/gateway/allow.TestHostThatIsNone", "local/gateway/allow.FuzzParseHost"}},
		{Number: 7, Source: "CVE-2025-66479 (sandbox-runtime)", What: "an empty allow-list was no restriction", Rows: []string{"tcp-out", "proxy-hosts"}, Elsewhere: "local/gateway/serve: an empty list refuses all", Tests: []string{"local/gateway/allow.TestEmptyListRefusesEverything"}},
		{Number: 8, Source: "github/gh-aw-firewall PR #8878", What: "the TLS server name was another than the host of CONNECT", Elsewhere: "local/gateway/serve: the server name has to be the host", Tests: []string{"local/gateway/serve.TestTunnelNamesItsHost", "local/gateway/serve.TestTunnelWithoutTLSIsRefused"}},
		{Number: 9, Source: "superradcompany/microsandbox#709", What: "a Host header behind an honest server name", Rows: []string{"proxy-requests"}, Elsewhere: "local/gateway/serve: plain HTTP is judged by the host that is dialled; what is inside TLS cannot be seen (docs/sandbox.md)", Tests: []string{"local/gateway/serve.TestForwardedIsWhatWasAuthorised"}},
		{Number: 10, Source: "Wide-Moat/open-computer-use#198", What: "a filter of server names let another host through", Rows: []string{"proxy-requests"}, Elsewhere: "local/gateway/serve, as 9", Tests: []string{"local/gateway/serve.TestForwardedIsWhatWasAuthorised", "local/gateway/serve.TestTunnelNamesItsHost"}},
		{Number: 11, Source: "nolabs-ai/nono#713", What: "a client that does not use the proxy walked round it", Rows: []string{"tcp-out", "udp-out"}},
		{Number: 12, Source: "docker/sbx-releases#240", What: "variables of the proxy were replaced", Rows: []string{"tcp-out"}, Elsewhere: "components/definition, local/oneshot: the names are reserved; cmd/envctl/e2e: those of an image give way", Tests: []string{"components/definition.TestInvalid", "local/oneshot.TestVariablesOfTheProxyAreTaken", "components/docker.TestWorkloadsFindTheirIdentityModelsAndWayOut", "cmd/envctl/e2e.TestEgressIsTheListAndNothingElse"}},
		{Number: 13, Source: "docker/sbx-releases#224", What: "a gateway dialled the Host header's name", Rows: []string{"proxy-requests"}, Elsewhere: "local/gateway/serve: what was judged is what is dialled", Tests: []string{"local/gateway/serve.TestForwardedIsWhatWasAuthorised"}},
		{Number: 14, Source: "anthropics/claude-code#87381", What: "a relay inside passed the list by", Rows: []string{"proxy-stranger", "other-experiment"}, Elsewhere: "local/gateway/serve: a client is known by its address, each connection is judged", Tests: []string{"local/gateway/serve.TestClientIsKnownByItsAddress", "local/gateway/serve.TestEachRequestIsDecidedAbout"}},
		{Number: 15, Source: "anthropics/claude-code#78608 and others", What: "a list was read and not enforced", Rows: []string{"tcp-out", "proxy-hosts"}, Elsewhere: "local: up fails where its canary is let through", Tests: []string{"local/gateway/serve.TestCanaryThatGetsThroughEndsTheGateway", "cmd/envctl/e2e.TestEgressIsTheListAndNothingElse"}},
		{Number: 16, Source: "greynewell/matchspec#418", What: "a key was read and never applied", Elsewhere: "local: what cannot be honoured is refused (Unsupported); components/targettest", Tests: []string{"cmd/envctl/e2e.TestEgressIsTheListAndNothingElse", "components/docker.TestEveryFieldOfTheProfileIsInTheContainer", "components/docker/provider.TestEveryContainerPropertyHasAnEffect"}},
		{Number: 17, Source: "nolabs-ai/nono PR #1676 and others", What: "trailing dots, Unicode and ports slipped past", Rows: []string{"proxy-spellings"}, Elsewhere: "local/gateway/allow: one normal form of a host, fuzzed", Tests: []string{"local/gateway/allow.TestHostHasOneSpelling", "local/gateway/allow.FuzzDecide"}},
		{Number: 18, Source: "lobu-ai/lobu PR #681 and others", What: "mapped IPv6, NAT64, octal and hexadecimal addresses hid loopback", Rows: []string{"proxy-address-forms", "host-loopback"}, Elsewhere: "local/gateway/serve: IP literals are refused, the dialled address is judged", Tests: []string{"local/gateway/allow.TestDialable", "local/gateway/serve.TestNamesThatLeadInsideAreRefused"}},
		{Number: 19, Source: "emdash-cms/emdash PR #740", What: "a redirect of an allowed host led to a forbidden one", Elsewhere: "local/gateway/serve: redirects are not followed", Tests: []string{"local/gateway/serve.TestRedirectsAreNotFollowed"}},
		{Number: 20, Source: "usnavy13/LibreCodeInterpreter PR #95", What: "a rule for loopback let code reach the control API", Rows: []string{"proxy-hosts", "host-loopback", "host-bridge", "engine-api"}},
		{Number: 21, Source: "GHSA-mq39-4gv4-mvpx (moby)", What: "the bridge's address led to services of the host", Rows: []string{"host-bridge", "host-addresses"}},
		{Number: 22, Source: "IgorGanapolsky/ThumbGate PR #3837", What: "an allowed package proxy was the way out", Elsewhere: "the build step of a run: GET and HEAD without a body pass and nothing else; docs/run.md says what a tunnel hides", Tests: []string{"local/oneshot/dockerrun.TestAnIndexIsOnlyRead", "local/oneshot/dockerrun.TestReach", "local/gateway/serve.TestProxyThatOnlyReads", "local/gateway/serve.TestInsideThatOnlyReads"}},
		{Number: 23, Source: "E2B documentation", What: "a blocked connection looked like a success", Rows: []string{"tcp-out", "proxy-hosts"}, Elsewhere: "local/gateway/serve: a refusal is an answer with its reason", Tests: []string{"local/gateway/serve.TestRefusedBeforeAnythingHappens"}},
		{Number: 24, Source: "GitLab Duo documentation", What: "without a sandbox it ran outside, with a warning", Elsewhere: "local/isolation: a level that cannot be had is an error; local: up verifies what the engine made", Tests: []string{"local/isolation.TestChoose", "local/sandbox.TestVerifyReportsEachWeakness"}},
		{Number: 25, Source: "CVE-2026-41567 (moby)", What: "a compressed archive ran programs of the image as root", Rows: []string{"image-tools"}, Elsewhere: "local/docker: only plain tar goes to the engine", Tests: []string{"local/oneshot.TestInputs"}},
		{Number: 26, Source: "inspect_ai PR #4340", What: "an archive of the sandbox was unpacked outside of its folder", Rows: []string{"outputs", "hostile-archive"}},
		{Number: 27, Source: "PrimeIntellect-ai/prime-envs PR #235", What: "the same with result archives", Rows: []string{"outputs", "hostile-archive"}},
		{Number: 28, Source: "NVIDIA/NemoClaw#3345", What: "a path with .. was taken", Rows: []string{"hostile-archive"}, Elsewhere: "components/definition: outputs is one absolute folder", Tests: []string{"local/docker/untar.TestExtractRefuses", "components/definition.TestInvalid"}},
		{Number: 29, Source: "LazyAGI/LazyLLM PR #1047", What: "names were joined to paths of the host", Rows: []string{"hostile-archive", "outputs"}},
		{Number: 30, Source: "inspect_ai PR #5187", What: "helpers were run from a folder that the sandbox writes to", Rows: []string{"runtime-binary", "write-outside"}},
		{Number: 31, Source: "CVE-2026-39861 (Claude Code)", What: "a link let writes land outside", Rows: []string{"link-race", "outputs"}},
		{Number: 32, Source: "huggingface/OpenEnv PR #1018", What: "a path was checked, then opened through a planted link", Rows: []string{"link-race"}},
		{Number: 33, Source: "Docker Sandboxes documentation", What: "a hard link reached a file outside", Rows: []string{"outputs", "hostile-archive"}},
		{Number: 34, Source: "CVE-2025-31133, -52565, -52881 (runc)", What: "races of mounts broke the masks of /proc", Rows: []string{"runtime-version", "masked-paths", "kernel-settings", "mount"}, Elsewhere: "the race itself needs a hostile launch, which the definition cannot ask for; envctl doctor tells the version", Tests: []string{"local/docker.TestRuncOfAnEngine"}},
		{Number: 35, Source: "CVE-2024-21626 (runc)", What: "a working folder below /proc/self/fd lay on the host", Rows: []string{"working-folder", "leaked-descriptors"}},
		{Number: 36, Source: "CVE-2019-5736, CVE-2021-30465 (runc)", What: "the runtime's program was overwritten", Rows: []string{"runtime-binary", "become-root"}},
		{Number: 37, Source: "CVE-2025-9074 (Docker Desktop)", What: "containers reached the engine's API", Rows: []string{"engine-api", "engine-socket"}},
		{Number: 38, Source: "CVE-2026-55887 (Docker MCP Gateway)", What: "labels of an image set how it was launched", Elsewhere: "components/docker: nothing of an image's labels is read; local/sandbox: Verify compares what the engine made", Tests: []string{"local/docker.TestLabelsOfAnImageAreNoClaim", "local/sandbox.TestApplyOverwritesEveryWeakness"}},
		{Number: 39, Source: "BoxLite advisory", What: "a read-only mount was made writable", Rows: []string{"remount"}},
		{Number: 40, Source: "SandboxEscapeBench (arXiv 2603.02277)", What: "sockets, privileges and mounts of the host", Rows: []string{"engine-socket", "capabilities", "mount", "devices", "user-namespaces", "kernel-modules", "control-groups", "kernel-interfaces", "other-processes", "runtime-binary", "working-folder", "masked-paths"}},
		{Number: 41, Source: "docker/sbx-releases#353", What: "a crash lost the record and left containers", Elsewhere: "cmd/envctl/e2e: killed at any instant, nothing is left", Tests: []string{"cmd/envctl/e2e.TestKilledAtAnyInstant"}},
		{Number: 42, Source: "opensandbox-group/OpenSandbox#1200", What: "an expiry timer raced a renewal", Elsewhere: "labels are the truth: envctl gc", Tests: []string{"local.TestMovesAtOnce", "stacks/lifecycle.TestExtendIsNotTakenBackByUp"}},
		{Number: 43, Source: "1996fanrui/agents-sandbox#77", What: "what was never used never expired", Elsewhere: "expiry counts from creation", Tests: []string{"stacks/expiry.TestDeadline", "stacks/lifecycle.TestExpire"}},
		{Number: 44, Source: "vybestack/llxprt-code#3449", What: "after kill -9 of the owner the container ran on", Rows: []string{"time-limit"}, Elsewhere: "local: what a killed run left goes with the next", Tests: []string{"local.TestReap", "local/oneshot/dockerrun.TestKilledCaller"}},
		{Number: 45, Source: "arbiterForge/codeArbiter#173", What: "helpers without labels escaped the pruning", Elsewhere: "cmd/envctl/e2e: whatever is asked of an engine is overheard, carries labels and is gone afterwards", Tests: []string{"cmd/envctl/e2e.TestNothingIsMadeWithoutLabels", "components/docker.TestNamesLabelsAndContent", "cmd/envctl/e2e.TestKilledAtAnyInstant"}},
		{Number: 46, Source: "cloudflare/sandbox-sdk#794", What: "creations that failed left zombies", Elsewhere: "cmd/envctl/e2e: many at once; components/docker/provider: failed creations", Tests: []string{"cmd/envctl/e2e.TestManyAtOnce", "local/box.TestCreationThatFailsLeavesNothing", "components/docker/provider.TestContainerAfterCrash"}},
		{Number: 47, Source: "NousResearch/hermes-agent#28804 and others", What: "no limit of time by default", Rows: []string{"time-limit"}, Elsewhere: "components/definition: a job has a timeout, an experiment a ttl", Tests: []string{"stacks/expiry.TestNext", "local/oneshot/dockerrun.TestEnds"}},
		{Number: 48, Source: "e2b-dev/E2B#879, #1381", What: "sandboxes were gone without a word why", Elsewhere: "local: a job says that it was stopped at its limit", Tests: []string{"local/oneshot/dockerrun.TestEnds"}},
		{Number: 49, Source: "hashicorp/vault PR #17092 and others", What: "leftover networks used up the address pool", Elsewhere: "100 experiments in a row: tests of expiry", Tests: []string{"local.TestNetworksInARow"}},
		{Number: 50, Source: "moby/moby#40207, #16297", What: "a log filled the disk", Rows: []string{"log-flood"}},
		{Number: 51, Source: "NVIDIA/NemoClaw#809, moby/moby#6479", What: "no limit of processes", Rows: []string{"fork-bomb"}},
		{Number: 52, Source: "docker/for-linux#1001", What: "memory limits that took the host along", Rows: []string{"memory"}},
		{Number: 53, Source: "microsoft/agent-governance-toolkit PR #2303 and others", What: "all output was kept in memory", Rows: []string{"log-flood"}, Elsewhere: "local/docker: output is streamed", Tests: []string{"local/oneshot/dockerrun.TestMuchOutput", "local/box.TestOutputIsCapped"}},
		{Number: 54, Source: "hermes-agent, MCPSafe MCP-083", What: "escape sequences in output", Elsewhere: "cmd/envctl/internal/output: control characters are left out on terminals", Tests: []string{"cmd/envctl/internal/output.TestClean", "cmd/envctl/internal/output.FuzzClean", "cmd/envctl/internal/mcpserver.TestOutputIsCleanAndFenced"}},
		{Number: 55, Source: "BerriAI/litellm#26672 and others", What: "keys spent more than their budget", Elsewhere: "local/models: the worst case is reserved before a call", Tests: []string{"local/models.TestManyAtOnceNeverOverspend", "local/models.TestOneReading", "local/models/ledger.TestManyProcessesNeverOverspend"}},
		{Number: 56, Source: "BerriAI/litellm PR #33736 and others", What: "a hang-up was billed nothing", Elsewhere: "local/models: every way that a call ends is settled", Tests: []string{"local/models.TestAHangUpIsPaid", "local/models.TestEveryEndIsPaidOnce"}},
		{Number: 57, Source: "BerriAI/litellm#37992 and others", What: "usage of zero was billed in full", Elsewhere: "local/models: the provider's usage counts", Tests: []string{"local/models.TestEveryEndIsPaidOnce"}},
		{Number: 58, Source: "anthropics/claude-code#72080 and others", What: "loops spent past their caps", Elsewhere: "local/models: one ledger for an experiment", Tests: []string{"local/models/ledger.TestTheEdgeOfABudget"}},
		{Number: 59, Source: "CVE-2025-64443 (Docker MCP Gateway)", What: "a web page reached a server on loopback", Elsewhere: "envctl mcp: Host, Origin and a token are checked", Tests: []string{"cmd/envctl/internal/mcpserver.TestHTTPNeedsTokenHostAndOrigin"}},
		{Number: 60, Source: "CVE-2026-33990 (Docker Model Runner)", What: "a registry's answer led a client elsewhere", Elsewhere: "local/models: only the configured server is dialled", Tests: []string{"local/models.TestWhatReachesTheServer", "local/models.TestAddressesOfServers"}},
		{Number: 61, Source: "agent-infra/sandbox#157 and others", What: "output was not marked as untrusted", Elsewhere: "envctl mcp: output is marked", Tests: []string{"cmd/envctl/internal/mcpserver.TestOutputIsCleanAndFenced"}},
		{Number: 62, Source: "kubernetes-sigs/agent-sandbox mcp-server", What: "a server without authentication at every address", Elsewhere: "envctl mcp: loopback and a token", Tests: []string{"cmd/envctl/internal/mcpserver.TestListenIsOnLoopbackOnly", "cmd/envctl/internal/mcpserver.TestHTTPNeedsTokenHostAndOrigin"}},
	}
}
