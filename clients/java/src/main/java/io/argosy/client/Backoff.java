package io.argosy.client;

import io.grpc.Context;
import io.grpc.Deadline;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** How long to wait before something is tried once more, and when to give up. */
final class Backoff {
    /** Attempts in a row without progress. */
    private static final int ATTEMPTS = 8;

    private static final long LONGEST_MILLIS = 5_000;
    private static final long FIRST_MILLIS = 200;

    private final int most;
    private int attempts;

    Backoff() {
        this(ATTEMPTS);
    }

    Backoff(int most) {
        this.most = most;
    }

    /** Notes progress: the attempts before it do not count. */
    void progressed() {
        attempts = 0;
    }

    /**
     * Waits after a failure, unless it was the last attempt or cannot be repaired by another one.
     *
     * @throws ArgosyException the failure itself when it is given up, {@link ArgosyException.Cancelled} or
     *     {@link ArgosyException.DeadlineExceeded} when the caller gave up
     */
    void pause(ArgosyException failure) {
        if (!ErrorMapping.isWorthGoingOn(failure)) {
            throw failure;
        }
        pauseAnyhow(failure);
    }

    /** As {@link #pause}, after a failure of which is known that another attempt may help. */
    void pauseAnyhow(ArgosyException failure) {
        sleep(nextMillis(failure));
    }

    /** As {@link #pauseAnyhow}, but no longer than until {@code end}. */
    void pauseUntil(Deadline end, ArgosyException failure) {
        sleep(Math.min(nextMillis(failure), end.timeRemaining(TimeUnit.MILLISECONDS)));
    }

    private long nextMillis(ArgosyException failure) {
        Patience.check();
        attempts++;
        if (attempts >= most) {
            throw failure;
        }
        long longest = Math.min(LONGEST_MILLIS, FIRST_MILLIS << Math.min(attempts, 10));
        // Clients of a server that comes back must not all come at once.
        return ThreadLocalRandom.current().nextLong(longest / 2, longest + 1);
    }

    private static void sleep(long millis) {
        Context context = Context.current();
        CountDownLatch cancelled = new CountDownLatch(1);
        Context.CancellationListener listener = ignored -> cancelled.countDown();
        context.addListener(listener, Runnable::run);
        try {
            cancelled.await(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } finally {
            context.removeListener(listener);
        }
        Patience.check();
    }
}
