package io.argosy.client;

import io.argosy.client.ArgosyException.Refusal;
import io.argosy.v1.ArtifactServiceGrpc;
import io.argosy.v1.ArtifactServiceGrpc.ArtifactServiceBlockingStub;
import io.argosy.v1.BlobServiceGrpc;
import io.argosy.v1.BlobServiceGrpc.BlobServiceBlockingStub;
import io.argosy.v1.GetCapabilitiesRequest;
import io.grpc.CallOptions;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.AbstractBlockingStub;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** How every call is made: the project's channel, deadlines, retries, errors translated. */
final class Connection {
    /** How gRPC ends a call to a server that knows no call of Argosy, or speaks no gRPC. */
    private static final Set<Status.Code> SPOKEN_BY_OTHERS =
            Set.of(Status.Code.UNIMPLEMENTED, Status.Code.INTERNAL, Status.Code.UNKNOWN);

    private final ManagedChannel channel;
    private final ClientConfig config;
    private volatile Capabilities capabilities;

    Connection(ManagedChannel channel, ClientConfig config) {
        this.channel = channel;
        this.config = config;
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
        return known == null ? capabilities = askCapabilities() : known;
    }

    private Capabilities askCapabilities() {
        // Servers of a list are asked in turn, and one that takes connections and says nothing uses up its time.
        Duration patience = config.connectTimeout().multipliedBy(config.server().hosts().size());
        Deadline end = Deadline.after(patience.toMillis(), TimeUnit.MILLISECONDS);
        var request = GetCapabilitiesRequest.newBuilder().setProject(project()).build();
        Backoff backoff = new Backoff(Integer.MAX_VALUE);
        while (true) {
            try {
                var stub = BlobServiceGrpc.newBlockingStub(channel);
                return Capabilities.of(
                        once(stub, config.connectTimeout(), ready -> ready.getCapabilities(request)), address());
            } catch (ArgosyException.Unavailable | ArgosyException.DeadlineExceeded failure) {
                if (end.isExpired()) {
                    throw unreachable(failure, patience);
                }
                backoff.pauseUntil(end, failure);
            } catch (ArgosyException.Unexpected failure) {
                throw SPOKEN_BY_OTHERS.contains(failure.code()) && failure.reason().isEmpty()
                        ? unknown(failure)
                        : failure;
            }
        }
    }

    private ArgosyException unreachable(ArgosyException failure, Duration patience) {
        String message = "no Argosy server answers at " + address() + " within " + seconds(patience)
                + " s; start one with `argosy-server serve`, or correct ARGOSY_SERVER (" + failure.getMessage() + ")";
        return new ArgosyException.Unavailable(Refusal.of(Status.Code.UNAVAILABLE, message, failure));
    }

    private ArgosyException unknown(ArgosyException failure) {
        String message = "what answers at " + address() + " is no Argosy server; correct ARGOSY_SERVER ("
                + failure.getMessage() + ")";
        return new ArgosyException.Unexpected(Refusal.of(failure.code(), message, failure));
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
        return once(BlobServiceGrpc.newBlockingStub(channel), config.unaryDeadline(), call);
    }

    private <S extends AbstractBlockingStub<S>, T> T once(S stub, Duration deadline, Function<S, T> call) {
        Patience.check();
        try {
            return call.apply(stub.withDeadlineAfter(deadline));
        } catch (StatusRuntimeException error) {
            throw translated(error);
        }
    }

    private ArgosyException translated(Exception error) {
        Patience.check();
        return channel.isShutdown() ? closed(error) : ErrorMapping.of(error, address());
    }

    private <S extends AbstractBlockingStub<S>, T> T unary(S stub, Function<S, T> call) {
        capabilities();
        Backoff backoff = new Backoff();
        while (true) {
            try {
                return once(stub, config.unaryDeadline(), call);
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
        Duration limit = config.idleTimeout();
        return transfer(limit, () -> call.write(message, limit.toNanos(), TimeUnit.NANOSECONDS));
    }

    /**
     * Waits for the next message of a stream; null at its end, which by itself means nothing.
     *
     * @throws ArgosyException the call has failed, stood still, or the caller gave up
     */
    <R> R read(BlockingClientCall<?, R> call) {
        return readWithin(config.idleTimeout(), call);
    }

    /** As {@link #read}, from a stream that may be silent for so long. */
    <R> R readWithin(Duration limit, BlockingClientCall<?, R> call) {
        return transfer(limit, () -> call.read(limit.toNanos(), TimeUnit.NANOSECONDS));
    }

    private interface Step<T> {
        T take() throws StatusException, TimeoutException, InterruptedException;
    }

    private <T> T transfer(Duration limit, Step<T> step) {
        try {
            return step.take();
        } catch (StatusException error) {
            throw translated(error);
        } catch (TimeoutException silence) {
            throw new ArgosyException.DeadlineExceeded(Refusal.of(
                    Status.Code.DEADLINE_EXCEEDED,
                    "a transfer with the Argosy server at " + address() + " stood still for "
                            + seconds(limit) + " s; try again, or raise ARGOSY_IDLE_TIMEOUT",
                    null));
        } catch (InterruptedException interrupted) {
            throw Patience.interrupted(interrupted);
        }
    }

    /** Returns the error of whatever a client that was closed is asked for, or still does. */
    static ArgosyException closed(Throwable cause) {
        return new ArgosyException.Cancelled(
                Refusal.of(Status.Code.CANCELLED, "the client was closed; make another one", cause));
    }

    /** Returns the error of a stream that ended without what it must bring. */
    static ArgosyException unavailable(String message) {
        return new ArgosyException.Unavailable(Refusal.of(Status.Code.UNAVAILABLE, message, null));
    }

    /** Begins a call that sends a stream. It has no deadline: whoever writes gives up one that stands still. */
    <Q, R> BlockingClientCall<Q, R> send(MethodDescriptor<Q, R> method) {
        return ClientCalls.blockingClientStreamingCall(channel, method, CallOptions.DEFAULT);
    }

    /** Begins a call that receives a stream. Its next message is asked for when the one before was taken. */
    <Q, R> BlockingClientCall<Q, R> receive(MethodDescriptor<Q, R> method, Q request) {
        return ClientCalls.blockingV2ServerStreamingCall(channel, method, CallOptions.DEFAULT, request);
    }

    private static double seconds(Duration duration) {
        return duration.toMillis() / 1000.0;
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
