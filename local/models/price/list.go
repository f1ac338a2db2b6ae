package price

import (
	"sync"

	"github.com/envctl/envctl/local/models/ledger"
)

// list has the list prices for a million tokens in USD and the limits of models, as
// public tables had them in June 2026. They are to agree with OpenAI's page of prices
// (https://platform.openai.com/docs/pricing) and Azure's for Global Standard
// deployments (https://azure.microsoft.com/pricing/details/cognitive-services/openai-service/),
// which were not read for it. Discounts
// for cached prompts are not taken into account: what is counted is never too little
// for them. A definition's models.NAME.price goes before.
var list = sync.OnceValue(func() map[string]Model {
	models := map[string]Model{}
	add := func(input, output float64, context, answer int64, names ...string) {
		for _, name := range names {
			models[name] = Model{Price: ledger.Price{Input: input, Output: output}, Limits: Limits{Context: context, Output: answer}}
		}
	}
	add(5, 15, 128_000, 4096, "gpt-4o-2024-05-13")
	add(2.5, 10, 128_000, 16_384, "gpt-4o")
	add(0.15, 0.6, 128_000, 16_384, "gpt-4o-mini")
	add(2, 8, 1_047_576, 32_768, "gpt-4.1")
	add(0.4, 1.6, 1_047_576, 32_768, "gpt-4.1-mini")
	add(0.1, 0.4, 1_047_576, 32_768, "gpt-4.1-nano")
	add(1.25, 10, 400_000, 128_000, "gpt-5", "gpt-5-codex", "gpt-5.1", "gpt-5.1-codex")
	add(1.25, 10, 128_000, 16_384, "gpt-5-chat", "gpt-5.1-chat")
	add(0.25, 2, 400_000, 128_000, "gpt-5-mini", "gpt-5.1-codex-mini")
	add(0.05, 0.4, 400_000, 128_000, "gpt-5-nano")
	add(15, 120, 400_000, 272_000, "gpt-5-pro")
	add(1.75, 14, 400_000, 128_000, "gpt-5.2")
	add(15, 60, 200_000, 100_000, "o1")
	add(2, 8, 200_000, 100_000, "o3")
	add(20, 80, 200_000, 100_000, "o3-pro")
	add(1.1, 4.4, 200_000, 100_000, "o3-mini", "o4-mini")
	add(30, 60, 8192, 8192, "gpt-4")
	add(10, 30, 128_000, 4096, "gpt-4-turbo")
	add(0.5, 1.5, 16_385, 4096, "gpt-35-turbo", "gpt-3.5-turbo")
	// A request of embeddings has up to 300,000 tokens in all its inputs.
	add(0.02, 0, 300_000, 0, "text-embedding-3-small")
	add(0.13, 0, 300_000, 0, "text-embedding-3-large")
	add(0.1, 0, 300_000, 0, "text-embedding-ada-002")
	return models
})
