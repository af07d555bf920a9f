// Package alicloudkms stands in for a seal by AliCloud's keys: the server of the tests has none.
package alicloudkms

import wrapping "github.com/hashicorp/go-kms-wrapping/v2"

const (
	EnvAliCloudKmsWrapperKeyId   = "absent alicloudkms EnvAliCloudKmsWrapperKeyId"
	EnvVaultAliCloudKmsSealKeyId = "absent alicloudkms EnvVaultAliCloudKmsSealKeyId"
)

type Wrapper struct{ wrapping.Wrapper }

func NewWrapper() *Wrapper { return &Wrapper{} }
