package io.argosy.client;

import com.google.common.net.HostAndPort;
import io.grpc.Attributes;
import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.Status;
import io.grpc.StatusOr;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/** Tells gRPC the servers of a list, each with its own authority, so that certificates are checked by its own name. */
final class ReplicaResolver extends NameResolverProvider {
    private static final String SCHEME = "argosy-replicas";

    /** Returns what to give to the channel for the {@code host:port} of some servers. */
    static String target(List<String> hosts) {
        // The brackets of IPv6 may not stand in a URI.
        String names = URLEncoder.encode(String.join(",", hosts), StandardCharsets.UTF_8);
        return (hosts.size() == 1 ? "dns:///" : SCHEME + ":///") + names;
    }

    @Override
    public NameResolver newNameResolver(URI target, NameResolver.Args args) {
        if (!SCHEME.equals(target.getScheme())) {
            return null;
        }
        List<String> hosts = List.of(target.getPath().substring(1).split(","));
        return new NameResolver() {
            private Listener2 listener;

            @Override
            public String getServiceAuthority() {
                return hosts.get(0);
            }

            @Override
            public void start(Listener2 started) {
                listener = started;
                refresh();
            }

            @Override
            public void refresh() {
                args.getOffloadExecutor().execute(() -> {
                    ResolutionResult found = ResolutionResult.newBuilder()
                            .setAddressesOrError(lookUp(hosts))
                            .build();
                    args.getSynchronizationContext().execute(() -> listener.onResult2(found));
                });
            }

            @Override
            public void shutdown() {}
        };
    }

    private static StatusOr<List<EquivalentAddressGroup>> lookUp(List<String> hosts) {
        List<EquivalentAddressGroup> known = new ArrayList<>();
        for (String host : hosts) {
            HostAndPort server = HostAndPort.fromString(host);
            try {
                List<SocketAddress> addresses = new ArrayList<>();
                for (InetAddress address : InetAddress.getAllByName(server.getHost())) {
                    addresses.add(new InetSocketAddress(address, server.getPort()));
                }
                known.add(new EquivalentAddressGroup(
                        addresses,
                        Attributes.newBuilder()
                                .set(EquivalentAddressGroup.ATTR_AUTHORITY_OVERRIDE, host)
                                .build()));
            } catch (UnknownHostException notNow) {
                continue; // The others serve; gRPC asks again when they do not.
            }
        }
        return known.isEmpty()
                ? StatusOr.fromStatus(Status.UNAVAILABLE.withDescription("no address is known of " + hosts))
                : StatusOr.fromValue(known);
    }

    @Override
    protected boolean isAvailable() {
        return true;
    }

    @Override
    protected int priority() {
        return 5;
    }

    @Override
    public String getDefaultScheme() {
        return SCHEME;
    }

    @Override
    public Collection<Class<? extends SocketAddress>> getProducedSocketAddressTypes() {
        return Set.of(InetSocketAddress.class);
    }
}
