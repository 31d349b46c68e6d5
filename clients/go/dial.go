package argosy

import (
	"context"
	"crypto/tls"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // servers behind one name say by it that they are about to stop
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"example.com/argosy/clients/go/internal/endpoint"
)

const (
	// One who goes round several servers must not be kept by one that is about to stop.
	serviceConfigOfMany = `{"loadBalancingConfig":[{"round_robin":{}}],"healthCheckConfig":{"serviceName":""}}`
	// Windows of a stream and a connection: what is on its way at 1 Gbit/s over 60 ms, and bounded memory.
	windowBytes = 8 << 20
	readBytes   = 128 << 10
	// What one system call writes: an upload takes a tenth less CPU than with 128 KiB.
	writeBytes      = 512 << 10
	maxMessageBytes = 4 << 20
)

func dial(s settings) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transportCredentials(s)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes)),
		grpc.WithDisableRetry(), // this package repeats calls itself, and knows which
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			// One that takes connections and says nothing is tried anew as soon.
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}),
		grpc.WithStaticStreamWindowSize(windowBytes),
		grpc.WithStaticConnWindowSize(windowBytes),
		grpc.WithReadBufferSize(readBytes),
		grpc.WithWriteBufferSize(writeBytes),
		grpc.WithUserAgent("argosy-go"),
	}
	if s.addresses.MayBeMany() {
		options = append(options, grpc.WithDefaultServiceConfig(serviceConfigOfMany))
	}
	if len(s.addresses.Hosts) > 1 {
		options = append(options, grpc.WithResolvers(listResolver(s.addresses.Hosts)))
	}
	if s.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(s.token)))
	}
	connection, err := grpc.NewClient(s.addresses.Target(), append(options, s.dialOptions...)...)
	if err != nil {
		return nil, &SettingError{"server " + s.server, err.Error()}
	}
	return connection, nil
}

func transportCredentials(s settings) credentials.TransportCredentials {
	switch {
	case !s.addresses.Secure:
		return insecure.NewCredentials()
	case s.tls == nil:
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	default:
		return credentials.NewTLS(s.tls.Clone())
	}
}

// listResolver names servers that are known from the start; each is verified by its own name.
func listResolver(hosts []string) resolver.Builder {
	builder := manual.NewBuilderWithScheme(endpoint.ListScheme)
	state := resolver.State{}
	for _, host := range hosts {
		endpoint := resolver.Endpoint{Addresses: []resolver.Address{{Addr: host, ServerName: host}}}
		state.Endpoints = append(state.Endpoints, endpoint)
		state.Addresses = append(state.Addresses, endpoint.Addresses...)
	}
	builder.InitialState(state)
	return builder
}

// bearer is a token that is sent with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (b bearer) RequireTransportSecurity() bool { return true }
