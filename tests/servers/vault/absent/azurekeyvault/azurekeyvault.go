// Package azurekeyvault stands in for a seal by Azure's keys: the server of the tests has none.
package azurekeyvault

import wrapping "github.com/hashicorp/go-kms-wrapping/v2"

const (
	EnvAzureKeyVaultWrapperVaultName = "absent azurekeyvault EnvAzureKeyVaultWrapperVaultName"
	EnvVaultAzureKeyVaultVaultName   = "absent azurekeyvault EnvVaultAzureKeyVaultVaultName"
	EnvAzureKeyVaultWrapperKeyName   = "absent azurekeyvault EnvAzureKeyVaultWrapperKeyName"
	EnvVaultAzureKeyVaultKeyName     = "absent azurekeyvault EnvVaultAzureKeyVaultKeyName"
)

type Wrapper struct{ wrapping.Wrapper }

func NewWrapper() *Wrapper { return &Wrapper{} }

func WithDisallowEnvVars(bool) wrapping.Option { return nil }
