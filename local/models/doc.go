// Package models answers the requests for models of the apps of a sandbox, on the
// host's side: a [Server] has the models of one instance, chooses what answers, and
// pays each call from the experiment's ledger. The package service has the background
// process that serves it through the tunnel of the gateway's container.
//
// Requests are those of OpenAI's API and of Azure OpenAI's:
//
//	POST /openai/v1/chat/completions, …/completions, …/embeddings, …/responses
//	POST /openai/deployments/NAME/chat/completions, …/completions, …/embeddings
//	POST /openai/responses
//	GET  /openai/v1/models, …/models/NAME
//
// and the same under /v1. A model goes by its name in the definition. Who asks and
// what for it may ask, the gateway says in headers (protocol.HeaderApp, HeaderModels),
// and nobody else can ask: requests come through the tunnel only.
//
// What makes a provider connect elsewhere on an app's behalf, or work where nobody
// counts, is refused: tools that run at the provider, addresses of images and files,
// work in the background, service tiers of another price.
package models
