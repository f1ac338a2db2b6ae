package arm

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// Cloud has what differs between Azure's clouds. Suffixes begin without a dot.
type Cloud struct {
	// Name is public, usgovernment or china.
	Name string
	// RegistrySuffix ends the login server of a Container Registry: azurecr.io.
	RegistrySuffix string
	// OpenAISuffix and CognitiveSuffix end the endpoints of AI Services accounts.
	OpenAISuffix, CognitiveSuffix string
	// ContainerAppsSuffix ends the addresses of Container Apps.
	ContainerAppsSuffix string
	// LogAnalytics is the query endpoint; also the audience of its tokens.
	LogAnalytics string
	// Portal is the web portal's URL.
	Portal string

	configuration cloud.Configuration
}

// CognitiveScope is the scope of tokens for AI Services' data plane.
func (c Cloud) CognitiveScope() string { return "https://" + c.CognitiveSuffix + "/.default" }

// LogAnalyticsScope is the scope of tokens for Log Analytics queries.
func (c Cloud) LogAnalyticsScope() string { return c.LogAnalytics + "/.default" }

// ManagementScope is the scope of tokens for Resource Manager.
func (c Cloud) ManagementScope() string {
	return c.configuration.Services[cloud.ResourceManager].Audience + "/.default"
}

// Authority is the Entra endpoint.
func (c Cloud) Authority() string {
	return strings.TrimSuffix(c.configuration.ActiveDirectoryAuthorityHost, "/")
}

// cloudOf is the cloud that ARM_ENVIRONMENT names. It reads Microsoft's table of
// endpoints, which azcore's arm/runtime package, imported by this one, fills.
func cloudOf(name string) (Cloud, error) {
	switch strings.ToLower(name) {
	case "", "public", "azurecloud", "azurepubliccloud":
		return Cloud{
			Name: "public", RegistrySuffix: "azurecr.io",
			OpenAISuffix: "openai.azure.com", CognitiveSuffix: "cognitiveservices.azure.com",
			ContainerAppsSuffix: "azurecontainerapps.io", LogAnalytics: "https://api.loganalytics.io",
			Portal: "https://portal.azure.com", configuration: cloud.AzurePublic,
		}, nil
	case "usgovernment", "azureusgovernment", "azureusgovernmentcloud":
		return Cloud{
			Name: "usgovernment", RegistrySuffix: "azurecr.us",
			OpenAISuffix: "openai.azure.us", CognitiveSuffix: "cognitiveservices.azure.us",
			ContainerAppsSuffix: "azurecontainerapps.us", LogAnalytics: "https://api.loganalytics.us",
			Portal: "https://portal.azure.us", configuration: cloud.AzureGovernment,
		}, nil
	case "china", "azurechinacloud":
		return Cloud{
			Name: "china", RegistrySuffix: "azurecr.cn",
			OpenAISuffix: "openai.azure.cn", CognitiveSuffix: "cognitiveservices.azure.cn",
			ContainerAppsSuffix: "azurecontainerapps.cn", LogAnalytics: "https://api.loganalytics.azure.cn",
			Portal: "https://portal.azure.cn", configuration: cloud.AzureChina,
		}, nil
	}
	return Cloud{}, fmt.Errorf(
		"ARM_ENVIRONMENT is %q, which is no cloud of Azure: set it to public, usgovernment or china, or unset it for public", name)
}

// override points the cloud at other endpoints; "" leaves one as it is. The
// audience of the tokens stays the cloud's.
func (c Cloud) override(resourceManager, authority string) (Cloud, error) {
	conf := c.configuration
	manager := conf.Services[cloud.ResourceManager]
	if resourceManager != "" {
		if err := secureURL("ENVCTL_AZURE_RESOURCE_MANAGER", resourceManager); err != nil {
			return c, err
		}
		manager.Endpoint = strings.TrimSuffix(resourceManager, "/")
	}
	if authority != "" {
		if err := secureURL("ENVCTL_AZURE_AUTHORITY", authority); err != nil {
			return c, err
		}
		conf.ActiveDirectoryAuthorityHost = strings.TrimSuffix(authority, "/") + "/"
	}
	conf.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: manager}
	c.configuration = conf
	return c, nil
}

// secureURL holds that an endpoint that gets tokens is an absolute https URL.
func secureURL(name, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%s is %q: tokens are sent to it, so it must be an absolute https URL, as https://127.0.0.1:8443", name, value)
	}
	return nil
}
