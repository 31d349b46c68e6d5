package io.argosy.client;

import io.argosy.v1.ArtifactEvent;
import io.argosy.v1.ArtifactServiceGrpc;
import io.argosy.v1.WatchArtifactsRequest;
import io.argosy.v1.WatchArtifactsResponse;
import io.grpc.Context;
import io.grpc.stub.BlockingClientCall;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * The changes of artifacts, each once and in order; it goes on with its last cursor when its connection breaks, however
 * long the server is away.
 *
 * <p>{@link #hasNext} waits, and returns false only after {@link #close}, which any thread may call. One thread reads.
 */
public final class Watch implements Iterator<ArtifactEvent>, AutoCloseable {
    /** A stream that was silent for longer is taken for broken; the server says something every 15 seconds. */
    private static final Duration LONGEST_SILENCE = Duration.ofSeconds(45);

    private final Connection connection;
    private final WatchArtifactsRequest request;
    private final Duration longestSilence;
    private final Context.CancellableContext context = Context.current().withCancellation();
    private BlockingClientCall<WatchArtifactsRequest, WatchArtifactsResponse> call;
    private Backoff backoff = new Backoff();
    private ArtifactEvent next;
    private String seen;
    private volatile String cursor;
    private volatile boolean isClosed;

    /**
     * Begins the watch: what happens after this is seen.
     *
     * @throws ArgosyException it cannot begin
     */
    Watch(Connection connection, WatchArtifactsRequest request) {
        this(connection, request, LONGEST_SILENCE);
    }

    /** As above; a stream that is silent for longer than {@code longestSilence} is opened again. */
    Watch(Connection connection, WatchArtifactsRequest request, Duration longestSilence) {
        this.connection = connection;
        this.request = request;
        this.longestSilence = longestSilence;
        this.seen = request.getCursor();
        this.cursor = request.getCursor();
        connection.capabilities();
        // The first message tells where the stream begins.
        context.run(() -> {
            while (seen.isEmpty() || call == null) {
                take(receive());
            }
        });
    }

    /**
     * Returns the cursor that stands for all events up to the one {@link #next} returned last. Whoever keeps it goes on
     * there by giving it to {@link ArgosyClient#watch}.
     */
    public String cursor() {
        return cursor;
    }

    /**
     * Waits for an event.
     *
     * @return false when the watch was closed
     * @throws ArgosyException it cannot go on; an unreachable server is no reason
     */
    @Override
    public boolean hasNext() {
        Context before = context.attach();
        try {
            while (next == null && !isClosed) {
                take(receive());
            }
            return next != null && !isClosed;
        } catch (ArgosyException.Cancelled gone) {
            if (isClosed) {
                return false;
            }
            throw gone;
        } finally {
            context.detach(before);
        }
    }

    @Override
    public ArtifactEvent next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the watch was closed");
        }
        ArtifactEvent event = next;
        next = null;
        cursor = seen;
        return event;
    }

    private void take(WatchArtifactsResponse message) {
        if (message == null) {
            return;
        }
        backoff = new Backoff(Integer.MAX_VALUE); // It has begun: a server that comes back is awaited, however late.
        seen = message.getCursor();
        if (message.hasEvent()) {
            next = message.getEvent();
        } else {
            cursor = seen;
        }
    }

    /** Waits for the next message; null when the stream broke and shall be opened again. */
    private WatchArtifactsResponse receive() {
        try {
            if (call == null) {
                call = connection.receive(
                        ArtifactServiceGrpc.getWatchArtifactsMethod(),
                        request.toBuilder().setCursor(seen).build());
            }
            WatchArtifactsResponse message = connection.readWithin(longestSilence, call);
            if (message != null) {
                return message;
            }
            throw Connection.unavailable("the watch was ended by the server");
        } catch (ArgosyException failure) {
            end();
            if (failure instanceof ArgosyException.WatchStalled) {
                backoff.pauseAnyhow(failure);
            } else {
                backoff.pause(failure);
            }
            return null;
        }
    }

    private void end() {
        if (call != null) {
            call.cancel("this stream is over", null);
            call = null;
        }
    }

    /** Ends the watch; a thread that waits for an event is told so. Closing twice is fine. */
    @Override
    public void close() {
        isClosed = true;
        context.cancel(null);
    }
}
