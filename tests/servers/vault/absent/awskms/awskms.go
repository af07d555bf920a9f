// Package awskms stands in for a seal by AWS's keys: the server of the tests has none.
package awskms

import wrapping "github.com/hashicorp/go-kms-wrapping/v2"

const (
	EnvAwsKmsWrapperKeyId   = "absent awskms EnvAwsKmsWrapperKeyId"
	EnvVaultAwsKmsSealKeyId = "absent awskms EnvVaultAwsKmsSealKeyId"
)

type Wrapper struct{ wrapping.Wrapper }

func NewWrapper() *Wrapper { return &Wrapper{} }

func WithDisallowEnvVars(bool) wrapping.Option { return nil }

func WithLogger(any) wrapping.Option { return nil }
