package serve

import "strings"

// roles says, for audiences of tokens, which role of Azure lets an identity use
// what is behind it. It is what a user has to ask for before the code runs there.
func roles() []struct{ host, role string } {
	return []struct{ host, role string }{
		{"cognitiveservices.azure.com", "Cognitive Services OpenAI User"},
		{"ai.azure.com", "Azure AI User"},
		{"storage.azure.com", "Storage Blob Data Reader"},
		{".core.windows.net", "Storage Blob Data Reader"},
		{"vault.azure.net", "Key Vault Secrets User"},
		{"management.azure.com", "Reader"},
		{"management.core.windows.net", "Reader"},
		{"search.azure.com", "Search Index Data Reader"},
		{"cosmos.azure.com", "Cosmos DB Built-in Data Reader"},
		{".documents.azure.com", "Cosmos DB Built-in Data Reader"},
		{"servicebus.azure.net", "Azure Service Bus Data Receiver"},
		{"eventhubs.azure.net", "Azure Event Hubs Data Receiver"},
		{"eventgrid.azure.net", "EventGrid Data Sender"},
		{"containerregistry.azure.net", "AcrPull"},
		{"azconfig.io", "App Configuration Data Reader"},
		{"database.windows.net", "a user of the database that is made for the identity"},
		{"ossrdbms-aad.database.windows.net", "a user of the database that is made for the identity"},
		{"redis.azure.com", "a data access policy of the cache"},
		{"monitor.azure.com", "Monitoring Metrics Publisher"},
		{"api.loganalytics.io", "Log Analytics Reader"},
		{"graph.microsoft.com", "an application permission of Microsoft Graph"},
	}
}

// roleFor returns the role that a resource would want; empty: not known.
func roleFor(resource string) string {
	_, host, _ := strings.Cut(resource, "://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	for _, r := range roles() {
		if host == r.host || strings.HasPrefix(r.host, ".") && strings.HasSuffix(host, r.host) {
			return r.role
		}
	}
	return ""
}
