package service

import (
	"path/filepath"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/models"
)

// openAI is where the provider openai is without an address.
const openAI = "https://api.openai.com/v1"

// SettingsOf are the settings that a definition asks for; false where it has no models
// or does not say what answers for them locally. getenv is asked for OPENAI_BASE_URL,
// which stands in for an address that the provider openai is not given.
func SettingsOf(def *definition.Definition, container, ledger string, getenv func(string) string) (Settings, bool) {
	local := def.Targets.Local
	if len(def.Models) == 0 || local == nil || local.Models == nil {
		return Settings{}, false
	}
	s := Settings{
		Engine: local.Host, Container: container, Ledger: ledger,
		Provider: local.Models.Provider, URL: local.Models.URL, Names: local.Models.Names,
		Models: models.ModelsOf(def), Budget: models.BudgetOf(def), Environment: Fingerprint(getenv),
	}
	if local.Models.File != "" {
		s.File = filepath.Join(def.Dir, filepath.FromSlash(local.Models.File))
	}
	if s.Provider == models.ProviderOpenAI && s.URL == "" {
		if s.URL = getenv("OPENAI_BASE_URL"); s.URL == "" {
			s.URL = openAI
		}
	}
	if azure := def.Targets.Azure; azure != nil && s.Provider == models.ProviderAzure {
		s.Subscription, s.Tenant = azure.Subscription, azure.Tenant
	}
	return s, true
}
