package io.argosy.client;

import io.argosy.v1.ArtifactEvent;
import io.argosy.v1.ArtifactServiceGrpc;
import io.argosy.v1.WatchArtifactsRequest;
import io.argosy.v1.WatchArtifactsResponse;
import io.grpc.Context;
import io.grpc.stub.BlockingClientCall;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * The changes of artifacts, each once and in order; it goes on with its last cursor when its connection breaks, however
 * long the server is away.
 *
 * <p>{@link #hasNext} waits, and returns false only after {@link #close}, which any thread may call. One thread reads.
 */
public final class Watch implements Iterator<ArtifactEvent>, AutoCloseable {
    private final Connection connection;
    private final WatchArtifactsRequest request;
    private final Context.CancellableContext context = Context.current().withCancellation();
    private BlockingClientCall<WatchArtifactsRequest, WatchArtifactsResponse> call;
    private Backoff backoff = new Backoff();
    private ArtifactEvent next;
    private String seen;
    private volatile String cursor;
    private volatile boolean isClosed;

    Watch(Connection connection, WatchArtifactsRequest request) {
        this.connection = connection;
        this.request = request;
        this.seen = request.getCursor();
        this.cursor = request.getCursor();
    }

    /**
     * Begins the watch: what happens after this is seen.
     *
     * @throws ArgosyException it cannot begin
     */
    void begin() {
        connection.capabilities();
        // The first message tells where the stream begins.
        Context before = context.attach();
        try {
            while (seen.isEmpty() || call == null) {
                take(receive());
            }
        } finally {
            context.detach(before);
        }
    }

    /**
     * Returns the cursor that stands for all events up to the one {@link #next} returned last. Whoever keeps it goes on
     * there with {@link WatchOptions#cursor}.
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
            WatchArtifactsResponse message = connection.readWhenever(call);
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
