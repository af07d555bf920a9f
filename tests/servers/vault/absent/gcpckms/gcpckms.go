// Package gcpckms stands in for a seal by Google's keys: the server of the tests has none.
package gcpckms

import wrapping "github.com/hashicorp/go-kms-wrapping/v2"

const (
	EnvGcpCkmsWrapperCredsPath   = "absent gcpckms EnvGcpCkmsWrapperCredsPath"
	EnvGcpCkmsWrapperProject     = "absent gcpckms EnvGcpCkmsWrapperProject"
	EnvGcpCkmsWrapperLocation    = "absent gcpckms EnvGcpCkmsWrapperLocation"
	EnvGcpCkmsWrapperKeyRing     = "absent gcpckms EnvGcpCkmsWrapperKeyRing"
	EnvVaultGcpCkmsSealKeyRing   = "absent gcpckms EnvVaultGcpCkmsSealKeyRing"
	EnvGcpCkmsWrapperCryptoKey   = "absent gcpckms EnvGcpCkmsWrapperCryptoKey"
	EnvVaultGcpCkmsSealCryptoKey = "absent gcpckms EnvVaultGcpCkmsSealCryptoKey"
)

type Wrapper struct{ wrapping.Wrapper }

func NewWrapper() *Wrapper { return &Wrapper{} }
