// A Vault in memory for the tests of key wrapping: its core, its HTTP interface and the transit engine, of the release
// that go.mod names, without what a server of one process needs not. It takes the options of `vault server -dev` that
// the tests give, and writes the key that unseals it.
//
// It is built for tests alone and comes with no release of ours: Vault's licence (BUSL 1.1) allows that use.
package main

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

const engine = "transit"

func main() {
	options := flag.NewFlagSet("server", flag.ExitOnError)
	options.Bool("dev", true, "a server in memory: there is no other")
	options.Bool("dev-no-store-token", true, "it stores none")
	token := options.String("dev-root-token-id", "", "token of the root, without the prefix hvs.")
	address := options.String("dev-listen-address", "127.0.0.1:0", "where it listens")
	if len(os.Args) < 2 || os.Args[1] != "server" {
		log.Fatal("usage: vault server -dev -dev-root-token-id=TOKEN -dev-listen-address=HOST:PORT")
	}
	options.Parse(os.Args[2:])
	log.Fatal(serve(*address, *token))
}

func serve(address, token string) error {
	logger := hclog.NewNullLogger()
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		RedirectAddr:    "http://" + listener.Addr().String(),
		LogicalBackends: map[string]logical.Factory{engine: transit.Factory},
		BuiltinRegistry: registry{},
		DisableMlock:    true,
		Logger:          logger,
	})
	if err != nil {
		return err
	}
	key, err := begin(core, token)
	if err != nil {
		return err
	}
	fmt.Println("Unseal Key:", base64.StdEncoding.EncodeToString(key))
	return http.Serve(listener, vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{},
	}))
}

// begin makes what is stored, unseals it and gives the root its token, as a development server does.
func begin(core *vault.Core, token string) ([]byte, error) {
	ctx := namespace.RootContext(context.Background())
	made, err := core.Initialize(ctx, &vault.InitParams{
		BarrierConfig:  &vault.SealConfig{SecretShares: 1, SecretThreshold: 1, StoredShares: 1, Name: "shamir"},
		RecoveryConfig: &vault.SealConfig{},
	})
	if err != nil {
		return nil, err
	}
	key := made.SecretShares[0]
	// A copy: the core overwrites what it is given.
	if _, err = core.Unseal(append([]byte(nil), key...)); err != nil {
		return nil, err
	}
	_, err = core.HandleRequest(ctx, &logical.Request{
		ID:          "root-token",
		Operation:   logical.UpdateOperation,
		ClientToken: made.RootToken,
		Path:        "auth/token/create",
		Data:        map[string]any{"id": token, "policies": []string{"root"}, "no_parent": true, "no_default_policy": true},
	})
	return key, err
}

// registry says what may be mounted.
type registry struct{}

func (registry) Contains(name string, kind consts.PluginType) bool {
	return name == engine && kind == consts.PluginTypeSecrets
}

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	return func() (any, error) { return logical.Factory(transit.Factory), nil }, r.Contains(name, kind)
}

func (registry) Keys(consts.PluginType) []string { return nil }

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
