package io.argosy.client;

import com.google.protobuf.UnsafeByteOperations;
import io.argosy.v1.AbortUploadRequest;
import io.argosy.v1.BlobServiceGrpc;
import io.argosy.v1.CommitUploadRequest;
import io.argosy.v1.CreateUploadRequest;
import io.argosy.v1.GetUploadRequest;
import io.argosy.v1.UploadState;
import io.argosy.v1.WriteUploadOpen;
import io.argosy.v1.WriteUploadRequest;
import io.argosy.v1.WriteUploadResponse;
import io.grpc.Context;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.concurrent.TimeUnit;

/**
 * Sends one file: CreateUpload, WriteUpload, CommitUpload, and goes on where it was whenever that breaks.
 *
 * <p>Bytes become a blob by the commit, which declares their digest, and by nothing else. When it is given up, for
 * whatever reason, it is aborted, so that the server has its room back at once.
 */
final class Upload {
    private static final int MOST_MISMATCHES = 3;

    private final Connection connection;
    private final ByteSource source;
    private final Backoff backoff = new Backoff();
    private String digest;
    private io.argosy.v1.Upload state;
    private String createId = Connection.newRequestId();
    private String commitId;
    private boolean isStale;
    private boolean isWriting;
    private boolean wasUnanswered;
    private long reached;
    private int mismatches;

    Upload(Connection connection, ByteSource source, String digest) {
        this.connection = connection;
        this.source = source;
        this.digest = digest;
    }

    /**
     * Sends the bytes.
     *
     * @return the digest under which the project has them now: another one than before when the source has changed
     * @throws ArgosyException it cannot be done, or the caller gave up; no blob exists then
     * @throws UncheckedIOException the source cannot be read
     */
    String run() {
        try {
            while (!attempt()) {
                isStale = state != null;
            }
            return digest;
        } catch (ArgosyException | UncheckedIOException failure) {
            abort(failure);
            throw failure;
        }
    }

    /** Tries once; false when another attempt shall follow, for which it has waited. */
    private boolean attempt() {
        isWriting = false;
        try {
            if (state == null) {
                create();
            } else if (isStale) {
                refresh();
            }
            if (state.getState() != UploadState.UPLOAD_STATE_COMMITTED) {
                isWriting = true;
                write();
                isWriting = false;
                commit();
            }
            return true;
        } catch (ArgosyException failure) {
            Patience.check();
            recover(failure);
            return false;
        }
    }

    private void create() {
        var request = CreateUploadRequest.newBuilder()
                .setProject(connection.project())
                .setRequestId(createId)
                .setDigest(digest)
                .setSizeBytes(source.size())
                .build();
        state = connection.once(stub -> stub.createUpload(request)).getUpload();
        createId = Connection.newRequestId(); // another upload would be another intention
        commitId = Connection.newRequestId();
        reached = 0;
        wasUnanswered = false;
    }

    private void refresh() {
        var request = GetUploadRequest.newBuilder()
                .setProject(connection.project())
                .setUploadId(state.getId())
                .build();
        state = connection.once(stub -> stub.getUpload(request)).getUpload();
        if (state.getCommittedSize() > reached) {
            reached = state.getCommittedSize();
            backoff.progressed();
        }
        if (state.getState() == UploadState.UPLOAD_STATE_ABORTED) {
            create();
        }
    }

    private void write() {
        long offset = Math.min(state.getCommittedSize(), source.size());
        BlockingClientCall<WriteUploadRequest, WriteUploadResponse> call =
                connection.send(BlobServiceGrpc.getWriteUploadMethod());
        try (InputStream stream = source.open(offset)) {
            boolean isOpen = connection.write(call, open(offset));
            long left = source.size() - offset;
            while (isOpen && left > 0) {
                Patience.check();
                byte[] chunk = new byte[(int) Math.min(left, connection.capabilities().chunkBytes())];
                if (stream.readNBytes(chunk, 0, chunk.length) < chunk.length) {
                    throw new IOException("it has fewer than the " + source.size() + " bytes it had");
                }
                left -= chunk.length;
                var content = UnsafeByteOperations.unsafeWrap(chunk);
                isOpen = connection.write(call, WriteUploadRequest.newBuilder().setChunk(content).build());
            }
            if (isOpen) {
                call.halfClose();
            }
            if (connection.read(call) == null) {
                throw Connection.unavailable("the stream of an upload ended without an answer");
            }
        } catch (IOException unreadable) {
            throw new UncheckedIOException("the upload of " + source + " cannot be read: " + unreadable.getMessage(),
                    unreadable);
        } catch (ArgosyException refused) {
            wasUnanswered |= refused.reason().isEmpty();
            throw refused;
        } finally {
            call.cancel("this stream is over", null); // changes nothing once the server has answered
        }
    }

    private WriteUploadRequest open(long offset) {
        return WriteUploadRequest.newBuilder()
                .setOpen(WriteUploadOpen.newBuilder()
                        .setProject(connection.project())
                        .setUploadId(state.getId())
                        .setOffset(offset)
                        .setEpoch(state.getEpoch() + 1))
                .build();
    }

    private void commit() {
        var request = CommitUploadRequest.newBuilder()
                .setProject(connection.project())
                .setRequestId(commitId)
                .setUploadId(state.getId())
                .setDigest(digest)
                .setSizeBytes(source.size())
                .build();
        connection.once(stub -> stub.commitUpload(request));
    }

    /** Does what docs/transfer.md says for each way an attempt can end; throws what no other attempt repairs. */
    private void recover(ArgosyException failure) {
        boolean isGone = failure instanceof ArgosyException.UploadNotFound
                || failure instanceof ArgosyException.IllegalTransition && isWriting; // it was aborted
        if (isGone) {
            state = null;
            backoff.pauseAnyhow(failure);
        } else if (failure instanceof ArgosyException.DigestMismatch) {
            rehash(failure);
        } else if (failure instanceof ArgosyException.WritePastEnd
                || failure instanceof ArgosyException.IllegalTransition
                || failure instanceof ArgosyException.Superseded && wasUnanswered) {
            backoff.pauseAnyhow(failure); // GetUpload tells where it stands
        } else {
            backoff.pause(failure);
        }
    }

    private void rehash(ArgosyException failure) {
        mismatches++;
        if (mismatches >= MOST_MISMATCHES) {
            throw failure;
        }
        try {
            digest = ContentHash.of(source);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(source + " cannot be read again: " + unreadable.getMessage(), unreadable);
        }
        state = null;
    }

    private void abort(RuntimeException failure) {
        if (state == null) {
            return;
        }
        var request = AbortUploadRequest.newBuilder()
                .setProject(connection.project())
                .setRequestId(Connection.newRequestId())
                .setUploadId(state.getId())
                .build();
        // The caller may be gone; the server should hear it all the same.
        boolean wasInterrupted = Thread.interrupted();
        Context before = Context.ROOT.attach();
        try {
            connection.once(stub -> stub.withDeadlineAfter(5, TimeUnit.SECONDS).abortUpload(request));
        } catch (ArgosyException unheard) {
            failure.addSuppressed(unheard); // It expires by itself.
        } finally {
            Context.ROOT.detach(before);
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
