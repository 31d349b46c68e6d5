package io.argosy.client;

import io.argosy.client.ArgosyException.Refusal;
import io.argosy.v1.ArtifactServiceGrpc;
import io.argosy.v1.ArtifactServiceGrpc.ArtifactServiceBlockingStub;
import io.argosy.v1.BlobServiceGrpc;
import io.argosy.v1.BlobServiceGrpc.BlobServiceBlockingStub;
import io.argosy.v1.GetCapabilitiesRequest;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** How every call is made: the project's channel, deadlines, retries, errors translated. */
final class Connection {
    private final ManagedChannel channel;
    private final ClientConfig config;
    private final CallOptions options;
    private volatile Capabilities capabilities;

    Connection(ManagedChannel channel, ClientConfig config, CallOptions options) {
        this.channel = channel;
        this.config = config;
        this.options = options;
    }

    String project() {
        return config.project();
    }

    String address() {
        return config.server().toString();
    }

    /** Names a new intention; every retry of it carries the same. */
    static String newRequestId() {
        return UUID.randomUUID().toString();
    }

    /**
     * Returns the limits of the server, asked for once.
     *
     * @throws ArgosyException.Unavailable no server answers in time
     * @throws ArgosyException.IncompatibleServer it speaks other revisions of the protocol
     */
    Capabilities capabilities() {
        Capabilities known = capabilities;
        if (known == null) {
            known = askCapabilities();
            capabilities = known;
        }
        return known;
    }

    private Capabilities askCapabilities() {
        long end = System.nanoTime() + config.connectTimeout().toNanos();
        var request = GetCapabilitiesRequest.newBuilder().setProject(project()).build();
        Backoff backoff = new Backoff(Integer.MAX_VALUE);
        while (true) {
            try {
                // The channel bounds connecting; once a connection stands, the answer may take as long as any.
                var stub = BlobServiceGrpc.newBlockingStub(channel);
                return Capabilities.of(once(stub, ready -> ready.getCapabilities(request)), address());
            } catch (ArgosyException.Unavailable | ArgosyException.DeadlineExceeded failure) {
                if (System.nanoTime() >= end) {
                    throw unreachable(failure);
                }
                backoff.pauseAnyhow(failure);
            }
        }
    }

    private ArgosyException unreachable(ArgosyException failure) {
        String message = "no Argosy server answers at " + address() + " within "
                + config.connectTimeout().toMillis() / 1000.0
                + " s; start one with `argosy-server serve`, or correct ARGOSY_SERVER (" + failure.getMessage() + ")";
        return new ArgosyException.Unavailable(Refusal.of(Status.Code.UNAVAILABLE, message, failure));
    }

    /** Makes a simple call of ArtifactService, and the same one again while the server is away. */
    <T> T artifacts(Function<ArtifactServiceBlockingStub, T> call) {
        return unary(ArtifactServiceGrpc.newBlockingStub(channel), call);
    }

    /** Makes a simple call of BlobService, and the same one again while the server is away. */
    <T> T blobs(Function<BlobServiceBlockingStub, T> call) {
        return unary(BlobServiceGrpc.newBlockingStub(channel), call);
    }

    /** Makes a simple call of BlobService a single time, for whoever repeats it in a way of its own. */
    <T> T once(Function<BlobServiceBlockingStub, T> call) {
        capabilities();
        return once(BlobServiceGrpc.newBlockingStub(channel), call);
    }

    private <S extends io.grpc.stub.AbstractBlockingStub<S>, T> T once(S stub, Function<S, T> call) {
        Patience.check();
        try {
            return call.apply(stub.withCallCredentials(options.getCredentials())
                    .withDeadlineAfter(config.unaryDeadline().toNanos(), TimeUnit.NANOSECONDS));
        } catch (StatusRuntimeException error) {
            Patience.check();
            throw ErrorMapping.of(error, address());
        }
    }

    private <S extends io.grpc.stub.AbstractBlockingStub<S>, T> T unary(S stub, Function<S, T> call) {
        capabilities();
        Backoff backoff = new Backoff();
        while (true) {
            try {
                return once(stub, call);
            } catch (ArgosyException failure) {
                if (!ErrorMapping.isWorthCallingAgain(failure)) {
                    throw failure;
                }
                backoff.pauseAnyhow(failure);
            }
        }
    }

    /**
     * Sends the next message of a stream once gRPC is ready for it, so that no more than one waits in memory.
     *
     * @return false when the server has answered already, so that nothing more is wanted
     * @throws ArgosyException the call has failed, stood still, or the caller gave up
     */
    <Q> boolean write(BlockingClientCall<Q, ?> call, Q message) {
        try {
            return call.write(message, config.idleTimeout().toNanos(), TimeUnit.NANOSECONDS);
        } catch (StatusException error) {
            throw ended(error);
        } catch (TimeoutException silence) {
            throw stalled();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw Patience.cancelled("the thread was interrupted", interrupted);
        }
    }

    /**
     * Waits for the next message of a stream; null at its end, which by itself means nothing.
     *
     * @throws ArgosyException the call has failed, stood still, or the caller gave up
     */
    <R> R read(BlockingClientCall<?, R> call) {
        try {
            return call.read(config.idleTimeout().toNanos(), TimeUnit.NANOSECONDS);
        } catch (StatusException error) {
            throw ended(error);
        } catch (TimeoutException silence) {
            throw stalled();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw Patience.cancelled("the thread was interrupted", interrupted);
        }
    }

    /** As {@link #read}, for as long as it takes: pings of the channel tell a dead connection. */
    <R> R readWhenever(BlockingClientCall<?, R> call) {
        try {
            return call.read();
        } catch (StatusException error) {
            throw ended(error);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw Patience.cancelled("the thread was interrupted", interrupted);
        }
    }

    /** Returns the error of a stream that ended without what it must bring. */
    static ArgosyException unavailable(String message) {
        return new ArgosyException.Unavailable(Refusal.of(Status.Code.UNAVAILABLE, message, null));
    }

    private ArgosyException ended(StatusException error) {
        ArgosyException over = Patience.over();
        return over == null ? ErrorMapping.of(error, address()) : over;
    }

    /** Begins a call that sends a stream. It has no deadline: whoever writes gives up one that stands still. */
    <Q, R> BlockingClientCall<Q, R> send(MethodDescriptor<Q, R> method) {
        return ClientCalls.blockingClientStreamingCall(channel, method, options);
    }

    /** Begins a call that receives a stream. Its next message is asked for when the one before was taken. */
    <Q, R> BlockingClientCall<Q, R> receive(MethodDescriptor<Q, R> method, Q request) {
        return ClientCalls.blockingV2ServerStreamingCall(channel, method, options, request);
    }

    private ArgosyException stalled() {
        return new ArgosyException.DeadlineExceeded(Refusal.of(
                Status.Code.DEADLINE_EXCEEDED,
                "a transfer with the Argosy server at " + address() + " stood still for "
                        + config.idleTimeout().toMillis() / 1000.0 + " s; try again, or raise ARGOSY_IDLE_TIMEOUT",
                null));
    }

    void close() {
        channel.shutdownNow();
        try {
            channel.awaitTermination(5, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
