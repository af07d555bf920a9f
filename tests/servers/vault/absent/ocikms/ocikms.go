// Package ocikms stands in for a seal by Oracle's keys: the server of the tests has none.
package ocikms

import wrapping "github.com/hashicorp/go-kms-wrapping/v2"

const (
	EnvOciKmsWrapperKeyId                = "absent ocikms EnvOciKmsWrapperKeyId"
	EnvVaultOciKmsSealKeyId              = "absent ocikms EnvVaultOciKmsSealKeyId"
	EnvOciKmsWrapperCryptoEndpoint       = "absent ocikms EnvOciKmsWrapperCryptoEndpoint"
	EnvVaultOciKmsSealCryptoEndpoint     = "absent ocikms EnvVaultOciKmsSealCryptoEndpoint"
	EnvOciKmsWrapperManagementEndpoint   = "absent ocikms EnvOciKmsWrapperManagementEndpoint"
	EnvVaultOciKmsSealManagementEndpoint = "absent ocikms EnvVaultOciKmsSealManagementEndpoint"
	KmsConfigKeyId                       = "absent ocikms KmsConfigKeyId"
	KmsConfigCryptoEndpoint              = "absent ocikms KmsConfigCryptoEndpoint"
	KmsConfigManagementEndpoint          = "absent ocikms KmsConfigManagementEndpoint"
)

type Wrapper struct{ wrapping.Wrapper }

func NewWrapper() *Wrapper { return &Wrapper{} }
