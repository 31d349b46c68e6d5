package io.argosy.client;

import io.argosy.client.codec.Codec;
import io.argosy.client.codec.Codecs;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.NameResolverRegistry;
import io.grpc.TlsChannelCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Makes an {@link ArgosyClient}. What is given here wins over the environment. */
public final class ArgosyClientBuilder {
    private static final int MOST_MESSAGE_BYTES = 4 << 20;
    private static final String ROOTS = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH";

    private final Map<String, String> arguments = new HashMap<>();
    private final List<Codecs.Own<?>> codecs = new ArrayList<>();
    private Path trusted;

    static {
        NameResolverRegistry.getDefaultRegistry().register(new ReplicaResolver());
    }

    ArgosyClientBuilder() {}

    /**
     * Where the store is ({@code ARGOSY_SERVER}): {@code grpc://host:port}, or {@code grpcs://host:port} for TLS. Several
     * servers of one store, {@code grpc://a:1,b:2}, take turns.
     */
    public ArgosyClientBuilder server(String server) {
        return set("ARGOSY_SERVER", server);
    }

    /** The project ({@code ARGOSY_PROJECT}, default {@code default}). */
    public ArgosyClientBuilder project(String project) {
        return set("ARGOSY_PROJECT", project);
    }

    /** How long to wait for the first answer of a server ({@code ARGOSY_CONNECT_TIMEOUT} in seconds, default 4). */
    public ArgosyClientBuilder connectTimeout(Duration timeout) {
        return set("ARGOSY_CONNECT_TIMEOUT", seconds(timeout));
    }

    /** How long a simple call may take ({@code ARGOSY_UNARY_DEADLINE} in seconds, default 30). */
    public ArgosyClientBuilder unaryDeadline(Duration deadline) {
        return set("ARGOSY_UNARY_DEADLINE", seconds(deadline));
    }

    /** How long a transfer may stand still ({@code ARGOSY_IDLE_TIMEOUT} in seconds, default 60). */
    public ArgosyClientBuilder idleTimeout(Duration timeout) {
        return set("ARGOSY_IDLE_TIMEOUT", seconds(timeout));
    }

    /**
     * Certificates (PEM) of whom to trust with {@code grpcs://}, instead of those of the system
     * ({@code GRPC_DEFAULT_SSL_ROOTS_FILE_PATH}).
     */
    public ArgosyClientBuilder trustedCertificates(Path pem) {
        trusted = pem;
        return this;
    }

    /**
     * Sent with every call as {@code authorization: Bearer …}, for a proxy that asks for it ({@code ARGOSY_TOKEN}). Only
     * over TLS.
     */
    public ArgosyClientBuilder token(String token) {
        return set("ARGOSY_TOKEN", token);
    }

    /** A codec of the program's own, asked before those that are built in. */
    public <T> ArgosyClientBuilder codec(Class<T> type, Codec<T> codec) {
        codecs.add(new Codecs.Own<>(type, codec));
        return this;
    }

    /**
     * Makes the client. Nothing is connected yet; the first call finds out whether the server is there and speaks the same
     * protocol.
     *
     * @throws ArgosyException.InvalidSetting a setting is malformed
     */
    public ArgosyClient build() {
        ClientConfig config = ClientConfig.resolve(arguments, System.getenv());
        return new ArgosyClient(new Connection(channel(config), config), new Codecs(codecs));
    }

    private ManagedChannel channel(ClientConfig config) {
        ServerAddress server = config.server();
        Metadata headers = new Metadata();
        if (!config.token().isEmpty()) {
            headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + config.token());
        }
        return NettyChannelBuilder.forTarget(
                        ReplicaResolver.target(server.hosts()),
                        server.isSecure() ? tls() : InsecureChannelCredentials.create())
                .intercept(MetadataUtils.newAttachHeadersInterceptor(headers))
                .maxInboundMessageSize(MOST_MESSAGE_BYTES)
                .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) Math.max(1, Math.min(Integer.MAX_VALUE, config.connectTimeout().toMillis())))
                // Repeating is ours: it knows the request_id of each intention, and needs no copy of what was sent.
                .disableRetry()
                .defaultLoadBalancingPolicy("round_robin")
                // A server takes pings once a second; 20 s without a sign of life end a dead connection.
                .keepAliveTime(20, TimeUnit.SECONDS)
                .keepAliveTimeout(20, TimeUnit.SECONDS)
                .build();
    }

    private ChannelCredentials tls() {
        String file = System.getenv().getOrDefault(ROOTS, "");
        Path roots = trusted == null && !file.isEmpty() ? Path.of(file) : trusted;
        if (roots == null) {
            return TlsChannelCredentials.create();
        }
        try (InputStream pem = Files.newInputStream(roots)) {
            if (CertificateFactory.getInstance("X.509").generateCertificates(pem).isEmpty()) {
                throw new CertificateException("it has none");
            }
            return TlsChannelCredentials.newBuilder().trustManager(roots.toFile()).build();
        } catch (IOException | CertificateException unreadable) {
            throw ArgosyException.invalidSetting("the certificates of " + roots + " cannot be read ("
                    + unreadable.getMessage() + "); name a PEM file");
        }
    }

    private ArgosyClientBuilder set(String name, String value) {
        arguments.put(name, value);
        return this;
    }

    private static String seconds(Duration duration) {
        return Double.toString(duration.toNanos() / 1e9);
    }
}
