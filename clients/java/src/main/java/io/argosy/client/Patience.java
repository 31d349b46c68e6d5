package io.argosy.client;

import io.argosy.client.ArgosyException.Refusal;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status;

/** Whether the caller still waits: its gRPC {@link Context} is alive, and its thread not interrupted. */
final class Patience {
    private Patience() {}

    /**
     * Returns when the caller still waits.
     *
     * @throws ArgosyException.Cancelled it was cancelled or interrupted; the thread stays interrupted
     * @throws ArgosyException.DeadlineExceeded the deadline of its Context has passed
     */
    static void check() {
        Context context = Context.current();
        Deadline deadline = context.getDeadline();
        if (deadline != null && deadline.isExpired()) {
            throw new ArgosyException.DeadlineExceeded(Refusal.of(
                    Status.Code.DEADLINE_EXCEEDED, "the deadline of the caller's Context has passed", null));
        }
        if (context.isCancelled()) {
            throw cancelled("the caller's Context was cancelled", context.cancellationCause());
        }
        if (Thread.currentThread().isInterrupted()) {
            throw cancelled("the thread was interrupted", null);
        }
    }

    /** Returns the error of a wait that an interrupt ended, and leaves the thread interrupted. */
    static ArgosyException.Cancelled interrupted(InterruptedException cause) {
        Thread.currentThread().interrupt();
        return cancelled("the thread was interrupted", cause);
    }

    private static ArgosyException.Cancelled cancelled(String message, Throwable cause) {
        return new ArgosyException.Cancelled(Refusal.of(Status.Code.CANCELLED, message, cause));
    }
}
