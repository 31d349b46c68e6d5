package io.argosy.client;

import io.grpc.Context;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Does a few things at once for one caller: when one fails or the caller gives up, the others end too. */
final class Parallel {
    /** Streams one client opens at once; more make a server wait without a message. */
    static final int STREAMS = 4;

    private final ExecutorService threads = Executors.newFixedThreadPool(STREAMS, task -> {
        Thread thread = new Thread(task, "argosy-transfer");
        thread.setDaemon(true);
        return thread;
    });

    /**
     * Returns the results in the order of the tasks.
     *
     * @throws ArgosyException the first failure, once no task runs any more; as are other unchecked exceptions
     */
    <T> List<T> all(List<Callable<T>> tasks) {
        if (tasks.size() == 1) {
            return Collections.singletonList(call(tasks.get(0)));
        }
        Context.CancellableContext context = Context.current().withCancellation();
        List<Future<T>> futures = new ArrayList<>();
        for (Callable<T> task : tasks) {
            futures.add(threads.submit(context.wrap(() -> {
                try {
                    return task.call();
                } catch (Exception failure) {
                    context.cancel(failure);
                    throw failure;
                }
            })));
        }
        return collect(futures, context);
    }

    private static <T> List<T> collect(List<Future<T>> futures, Context.CancellableContext context) {
        List<T> results = new ArrayList<>();
        boolean wasInterrupted = false;
        Throwable failure = null;
        for (Future<T> future : futures) {
            while (true) {
                try {
                    results.add(future.get());
                    break;
                } catch (InterruptedException interrupted) {
                    wasInterrupted = true; // The tasks end soon, and leave nothing behind when they are awaited.
                    context.cancel(interrupted);
                } catch (ExecutionException ended) {
                    failure = failure == null ? ended.getCause() : failure;
                    break;
                }
            }
        }
        Throwable first = context.cancellationCause();
        context.cancel(null);
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
            throw Patience.cancelled("the thread was interrupted", failure);
        }
        if (failure != null) {
            Patience.check();
            throw unchecked(first == null ? failure : first);
        }
        return results;
    }

    private static <T> T call(Callable<T> task) {
        try {
            return task.call();
        } catch (Exception failure) {
            throw unchecked(failure);
        }
    }

    /** Tasks throw unchecked exceptions only, or IOException. */
    private static RuntimeException unchecked(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof RuntimeException known) {
            return known;
        }
        if (failure instanceof java.io.IOException io) {
            return new java.io.UncheckedIOException(io);
        }
        return new IllegalStateException(failure);
    }

    void close() {
        threads.shutdownNow();
    }
}
