package io.argosy.client;

import io.argosy.client.ArgosyException.Refusal;
import io.argosy.v1.GetCapabilitiesResponse;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.ToLongFunction;

/** The limits a server announced. Sizes are in bytes. */
record Capabilities(
        int chunkBytes,
        int maxInlineBytes,
        int maxDigests,
        int maxBatchBytes,
        int maxBatchItems) {
    /** The one revision of the protocol this client speaks. */
    static final int REVISION = 1;

    /** The size of a chunk where the server names none. */
    private static final int CHUNK_BYTES = 1 << 20;

    /**
     * Reads what a server announced.
     *
     * @throws ArgosyException.IncompatibleServer its revisions do not overlap with this client's
     */
    static Capabilities of(GetCapabilitiesResponse told, String address) {
        int oldest = told.getOldestProtocolRevision();
        int newest = told.getProtocolRevision();
        if (REVISION < oldest || REVISION > newest) {
            String cure = REVISION < oldest ? "upgrade this client" : "upgrade the server";
            throw new ArgosyException.IncompatibleServer(Refusal.of(
                    Status.Code.FAILED_PRECONDITION,
                    "the Argosy server " + told.getServerVersion() + " at " + address + " speaks revisions " + oldest
                            + " to " + newest + " of the protocol, this client revision " + REVISION + "; " + cure,
                    null));
        }
        return new Capabilities(
                told.getPreferredChunkBytes() > 0 ? told.getPreferredChunkBytes() : CHUNK_BYTES,
                told.getMaxInlineBytes(),
                told.getMaxDigests(),
                told.getMaxBatchBytes(),
                told.getMaxBatchItems());
    }

    /** Splits what is sent or asked for into calls that the server takes. */
    <T> List<List<T>> batches(Collection<T> items, ToLongFunction<T> size) {
        List<List<T>> batches = new ArrayList<>();
        List<T> last = null;
        long bytes = 0;
        for (T item : items) {
            bytes += size.applyAsLong(item);
            if (last == null || last.size() >= maxBatchItems || bytes > maxBatchBytes) {
                last = new ArrayList<>();
                batches.add(last);
                bytes = size.applyAsLong(item);
            }
            last.add(item);
        }
        return batches;
    }
}
