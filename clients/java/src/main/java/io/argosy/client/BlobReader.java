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
import java.nio.ByteBuffer;

/**
 * Reads one file from its first byte to its last, goes on where it was when the connection breaks, and verifies it.
 *
 * <p>The last chunk is handed out only once all bytes have the digest they must have, so that whoever reads to the end
 * has what was saved, or an exception.
 */
final class BlobReader extends InputStream {
    private final Connection connection;
    private final ArtifactFile file;
    private final ContentHash hash = new ContentHash();
    private final Backoff backoff = new Backoff();
    private BlockingClientCall<ReadBlobRequest, ReadBlobResponse> call;
    private ByteBuffer chunk = ByteBuffer.allocate(0);
    private long received;
    private boolean isVerified;
    private boolean isClosed;

    BlobReader(Connection connection, ArtifactFile file) {
        this.connection = connection;
        this.file = file;
    }

    /**
     * Returns the next bytes, verified when they are the last ones; null after them.
     *
     * @throws ArgosyException the file cannot be read, is damaged, or the caller gave up
     */
    ByteBuffer nextChunk() {
        while (received < file.getSizeBytes()) {
            try {
                ReadBlobResponse message = connection.read(current());
                if (message == null) {
                    throw Connection.unavailable(file.getPath() + ": the stream ended before the file");
                }
                if (!message.getChunk().isEmpty()) {
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
        if (call == null) {
            call = connection.receive(
                    BlobServiceGrpc.getReadBlobMethod(),
                    ReadBlobRequest.newBuilder()
                            .setProject(connection.project())
                            .setDigest(file.getDigest())
                            .setOffset(received)
                            .build());
        }
        return call;
    }

    private ByteBuffer take(ByteString content) {
        received += content.size();
        backoff.progressed();
        if (received > file.getSizeBytes()) {
            throw damaged(file, "more than " + file.getSizeBytes() + " bytes arrived");
        }
        byte[] bytes = content.toByteArray();
        hash.update(bytes, 0, bytes.length);
        if (received == file.getSizeBytes()) {
            verify();
        }
        return ByteBuffer.wrap(bytes);
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
        if (call != null) {
            call.cancel("this stream is over", null);
            call = null;
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
        if (length == 0) {
            return 0;
        }
        if (!chunk.hasRemaining()) {
            try {
                ByteBuffer next = nextChunk();
                if (next == null) {
                    return -1;
                }
                chunk = next;
            } catch (ArgosyException failure) {
                throw new IOException(failure.getMessage(), failure);
            }
        }
        int count = Math.min(length, chunk.remaining());
        chunk.get(target, offset, count);
        return count;
    }

    @Override
    public int available() {
        return chunk.remaining();
    }

    @Override
    public void close() {
        isClosed = true;
        end();
    }
}
