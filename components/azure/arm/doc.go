// Package arm talks to Azure Resource Manager in plain JSON.
//
// It is a thin layer over Microsoft's pipeline (azcore) and credentials
// (azidentity): who is asking is found by [Connect] from the same environment
// variables as Pulumi's azure-native provider uses; a request that changes
// something is followed to its end, whichever of Azure's styles of long-running
// operation the answer has; what Azure answers while it is busy, or has not yet
// seen what was just made, is asked again within bounds; and what cannot be
// mended by asking again is an error that says what is wrong, why, and how to
// mend it: [*Error] when Azure answered, [*CredentialError] when nobody could
// be authenticated, [*ConnectionError] when no whole answer came back.
//
// Environment, the first credential that is configured is used and no other:
//
//	ARM_USE_DEFAULT_AZURE_CREDENTIAL                  azidentity's chain
//	ARM_CLIENT_CERTIFICATE_PATH, …_PASSWORD           certificate, PEM or PFX
//	ARM_CLIENT_SECRET                                 secret
//	ARM_USE_OIDC                                      federated token, first found:
//	  ARM_OIDC_TOKEN, ARM_OIDC_TOKEN_FILE_PATH
//	  ACTIONS_ID_TOKEN_REQUEST_URL, …_TOKEN           (also ARM_OIDC_REQUEST_…) GitHub
//	  SYSTEM_OIDCREQUESTURI, SYSTEM_ACCESSTOKEN,
//	  ARM_OIDC_AZURE_SERVICE_CONNECTION_ID            Azure DevOps
//	ARM_USE_MSI                                       managed identity
//	(none)                                            the az command's login
//
// ARM_SUBSCRIPTION_ID, ARM_TENANT_ID and ARM_CLIENT_ID say where and as whom,
// ARM_ENVIRONMENT is public, usgovernment or china. ENVCTL_AZURE_RESOURCE_MANAGER,
// ENVCTL_AZURE_AUTHORITY and ENVCTL_AZURE_CA_FILE point the client at other
// endpoints than the cloud's, as the simulator's; ENVCTL_AZURE_SIMULATED=1 says
// that it is one.
package arm
