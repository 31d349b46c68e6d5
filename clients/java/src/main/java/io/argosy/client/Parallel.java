package io.argosy.client;

import com.google.common.base.Throwables;
import io.grpc.Context;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Does a few things at once for one caller: when one fails or the caller gives up, the others end too. */
final class Parallel {
    /** Streams one client opens at once; more make a server wait without a message. */
    private static final int STREAMS = 4;

    private static final ThreadFactory DAEMONS = task -> {
        Thread thread = new Thread(task, "argosy-transfer");
        thread.setDaemon(true);
        return thread;
    };

    /** What it does not take any more runs where it was given, and finds that the client was closed. */
    private final ThreadPoolExecutor threads = new ThreadPoolExecutor(
            STREAMS, STREAMS, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), DAEMONS, (task, pool) -> task.run());

    /**
     * Returns the results in the order of the tasks.
     *
     * @throws ArgosyException the first failure, once no task runs any more; as are other unchecked exceptions
     */
    <T> List<T> all(List<Supplier<T>> tasks) {
        Context.CancellableContext context = Context.current().withCancellation();
        List<CompletableFuture<T>> running = tasks.stream()
                .map(task -> CompletableFuture.supplyAsync(() -> run(task, context), threads))
                .toList();
        CompletableFuture<Void> ended = CompletableFuture.allOf(running.toArray(CompletableFuture[]::new));
        try {
            ended.get();
        } catch (InterruptedException interrupted) {
            context.cancel(interrupted);
            ended.exceptionally(failure -> null).join(); // They end soon, and leave nothing behind when awaited.
            throw Patience.interrupted(interrupted);
        } catch (ExecutionException failure) {
            Patience.check();
            if (threads.isShutdown()) {
                throw Connection.closed(failure);
            }
            Throwables.throwIfUnchecked(context.cancellationCause());
            throw new IllegalStateException(failure);
        } finally {
            context.cancel(null);
        }
        return running.stream().map(CompletableFuture::join).toList();
    }

    private <T> T run(Supplier<T> task, Context.CancellableContext context) {
        Context before = context.attach();
        try {
            if (threads.isShutdown()) {
                throw Connection.closed(null);
            }
            return task.get();
        } catch (RuntimeException | Error failure) {
            context.cancel(failure); // the first one counts
            throw failure;
        } finally {
            context.detach(before);
        }
    }

    /** Ends what runs, while the connection can still tell the server; what waits fails, so that nobody waits on. */
    void close() {
        threads.shutdownNow().forEach(Runnable::run);
        try {
            threads.awaitTermination(5, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
