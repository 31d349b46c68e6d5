package io.argosy.client;

import io.argosy.client.ArgosyException.Refusal;
import io.argosy.v1.GetCapabilitiesResponse;
import io.grpc.Status;

/** The limits a server announced. Sizes are in bytes. */
record Capabilities(
        int chunkBytes,
        int maxInlineBytes,
        int maxFiles,
        int maxDigests,
        int maxBatchBytes,
        int maxBatchItems) {
    /** The one revision of the protocol this client speaks. */
    static final int REVISION = 1;

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
                told.getPreferredChunkBytes(),
                told.getMaxInlineBytes(),
                told.getMaxFiles(),
                told.getMaxDigests(),
                told.getMaxBatchBytes(),
                told.getMaxBatchItems());
    }
}
