module github.com/envctl/envctl/components/azure/armsim/keytrees/generate

go 1.26

require github.com/hashicorp/go-azure-sdk/resource-manager v0.20250131.1134653
