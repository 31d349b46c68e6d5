package io.argosy.client;

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
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/** Tells gRPC the servers of a list, each with its own authority, so that certificates are checked by its own name. */
final class ReplicaResolver extends NameResolverProvider {
    private static final String SCHEME = "argosy-replicas";

    /** Returns what to give to the channel for some servers. */
    static String target(List<String> hosts) {
        try {
            return new URI(SCHEME, "", "/" + String.join(",", hosts), null).toASCIIString(); // escapes brackets of IPv6
        } catch (URISyntaxException impossible) {
            throw new IllegalArgumentException(impossible);
        }
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
                args.getOffloadExecutor().execute(() -> tell(args));
            }

            @Override
            public void refresh() {
                args.getOffloadExecutor().execute(() -> tell(args));
            }

            @Override
            public void shutdown() {}

            private void tell(Args resolution) {
                ResolutionResult found = resolve(hosts);
                resolution.getSynchronizationContext().execute(() -> listener.onResult2(found));
            }
        };
    }

    private static NameResolver.ResolutionResult resolve(List<String> hosts) {
        List<EquivalentAddressGroup> groups = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        for (String host : hosts) {
            int colon = host.lastIndexOf(':');
            int port = Integer.parseInt(host.substring(colon + 1));
            try {
                List<SocketAddress> addresses = new ArrayList<>();
                for (InetAddress address : InetAddress.getAllByName(host.substring(0, colon))) {
                    addresses.add(new InetSocketAddress(address, port));
                }
                Attributes own = Attributes.newBuilder()
                        .set(EquivalentAddressGroup.ATTR_AUTHORITY_OVERRIDE, host)
                        .build();
                groups.add(new EquivalentAddressGroup(addresses, own));
            } catch (UnknownHostException notNow) {
                unknown.add(host); // The others serve; gRPC asks again when they do not.
            }
        }
        StatusOr<List<EquivalentAddressGroup>> addresses = groups.isEmpty()
                ? StatusOr.fromStatus(Status.UNAVAILABLE.withDescription("no address is known of " + unknown))
                : StatusOr.fromValue(groups);
        return NameResolver.ResolutionResult.newBuilder()
                .setAddressesOrError(addresses)
                .build();
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
