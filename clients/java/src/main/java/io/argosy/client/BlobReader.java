package io.argosy.client;

import com.google.protobuf.ByteString;
import io.argosy.client.ArgosyException.Refusal;
import io.argosy.v1.ArtifactFile;
import io.argosy.v1.BlobServiceGrpc;
import io.argosy.v1.ReadBlobRequest;
import io.argosy.v1.ReadBlobResponse;
import io.grpc.Status;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.io.InputStream;

/**
 * Reads one file from its first byte to its last, goes on where it was when the connection breaks, and verifies it.
 *
 * <p>The last chunk is handed out only once all bytes have the digest they must have, so that whoever reads to the end
 * has what was saved, or an exception.
 */
final class BlobReader extends InputStream {
    private final Connection connection;
    private final ArtifactFile file;
    private final ContentHash hash;
    private final Backoff backoff = new Backoff();
    private volatile BlockingClientCall<ReadBlobRequest, ReadBlobResponse> call;
    private InputStream chunk = InputStream.nullInputStream();
    private long received;
    private boolean isVerified;
    private volatile boolean isClosed;

    BlobReader(Connection connection, ArtifactFile file) {
        this.connection = connection;
        this.file = file;
        this.hash = new ContentHash(file.getSizeBytes());
    }

    /**
     * Returns the next bytes, verified when they are the last ones; null after them.
     *
     * @throws ArgosyException the file cannot be read, is damaged, or the caller gave up
     */
    ByteString nextChunk() {
        while (received < file.getSizeBytes()) {
            try {
                ReadBlobResponse message = connection.read(current());
                if (message == null) {
                    throw Connection.unavailable(file.getPath() + ": the stream ended before the file");
                }
                if (!message.getChunk().isEmpty()) { // which is no progress: a server may send those for ever
                    return take(message.getChunk());
                }
            } catch (ArgosyException failure) {
                end();
                backoff.pause(failure);
            }
        }
        verify();
        return null;
    }

    private BlockingClientCall<ReadBlobRequest, ReadBlobResponse> current() {
        var open = call;
        if (open == null && !isClosed) {
            open = connection.receive(
                    BlobServiceGrpc.getReadBlobMethod(),
                    ReadBlobRequest.newBuilder()
                            .setProject(connection.project())
                            .setDigest(file.getDigest())
                            .setOffset(received)
                            .build());
            call = open;
        }
        if (isClosed) { // by another thread, also since the line above; whoever comes second ends the call
            throw new ArgosyException.Cancelled(Refusal.of(Status.Code.CANCELLED, "the stream is closed", null));
        }
        return open;
    }

    private ByteString take(ByteString content) {
        received += content.size();
        backoff.progressed();
        if (received > file.getSizeBytes()) {
            throw damaged(file, "more than " + file.getSizeBytes() + " bytes arrived");
        }
        hash.update(content);
        if (received == file.getSizeBytes()) {
            verify();
        }
        return content;
    }

    private void verify() {
        if (!isVerified) {
            end();
            String digest = hash.digest();
            if (!digest.equals(file.getDigest())) {
                throw damaged(file, "what arrived has the digest " + digest);
            }
            isVerified = true;
        }
    }

    /** Returns the error of a file that did not arrive as it was saved. */
    static ArgosyException damaged(ArtifactFile file, String what) {
        return new ArgosyException.DataLoss(Refusal.of(
                Status.Code.DATA_LOSS,
                file.getPath() + " must have " + file.getSizeBytes() + " bytes and the digest " + file.getDigest()
                        + ", but " + what + "; nothing of it may be used, load it again",
                null));
    }

    private void end() {
        var ended = call;
        call = null;
        if (ended != null) {
            ended.cancel("this stream is over", null);
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (isClosed) {
            throw new IOException("the stream is closed");
        }
        while (true) {
            int count = chunk.read(target, offset, length);
            if (count >= 0) {
                return count;
            }
            try {
                ByteString next = nextChunk();
                if (next == null) {
                    return -1;
                }
                chunk = next.newInput();
            } catch (ArgosyException failure) {
                throw new IOException(failure.getMessage(), failure);
            }
        }
    }

    @Override
    public int available() throws IOException {
        return chunk.available();
    }

    @Override
    public void close() {
        isClosed = true;
        end();
    }
}
