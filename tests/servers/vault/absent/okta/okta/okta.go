// Package okta stands in for a second factor of logins by Okta: the server of the tests has no logins.
package okta

import (
	"context"
	"errors"
)

type (
	Option        func()
	Configuration struct{ Context context.Context }
	APIClient     struct {
		UserAPI       users
		UserFactorAPI factors
	}
	UserFactorPush struct{ named }
	Factor         struct{ UserFactorPush *UserFactorPush }
	Verified       struct{ Links any }
	Status         struct {
		UserFactorPushTransactionWaiting, UserFactorPushTransaction         *struct{}
		UserFactorPushTransactionRejected, UserFactorPushTransactionTimeout *struct{}
	}

	named          struct{}
	users          struct{}
	factors        struct{}
	request[T any] struct{}
)

func NewConfiguration(...Option) (*Configuration, error) { return nil, errors.New("not in this build") }

func WithToken(string) Option  { return nil }
func WithOrgUrl(string) Option { return nil }
func WithCache(bool) Option    { return nil }

func NewAPIClient(*Configuration) *APIClient { return &APIClient{} }

func (*APIClient) GetConfig() *Configuration { return &Configuration{} }

func (named) GetId() string { return "" }

func (Verified) GetFactorResult() string { return "" }

func (users) ListUsers(context.Context) request[[]named] { return request[[]named]{} }

func (factors) ListFactors(context.Context, string) request[[]Factor] { return request[[]Factor]{} }

func (factors) VerifyFactor(context.Context, string, string) request[Verified] {
	return request[Verified]{}
}

func (factors) GetFactorTransactionStatus(context.Context, string, string, string) request[Status] {
	return request[Status]{}
}

func (r request[T]) Filter(string) request[T] { return r }

func (request[T]) Execute() (answer T, response any, err error) {
	return answer, nil, errors.New("not in this build")
}
