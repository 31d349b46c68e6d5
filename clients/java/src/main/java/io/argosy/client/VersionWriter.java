package io.argosy.client;

import com.google.common.collect.Lists;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.argosy.client.codec.NewFile;
import io.argosy.v1.ArtifactSpec;
import io.argosy.v1.ArtifactVersion;
import io.argosy.v1.BatchUploadBlobsRequest;
import io.argosy.v1.CreateArtifactVersionRequest;
import io.argosy.v1.FindMissingBlobsRequest;
import io.argosy.v1.ItemStatus;
import io.argosy.v1.NewArtifactFile;
import io.argosy.v1.NewBlob;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Saves a version: what fits travels inside of one call; of the rest the project is sent what it does not have.
 *
 * <p>Nothing is visible before the last call, which makes all of it visible at once.
 */
final class VersionWriter {
    private final Connection connection;
    private final Parallel parallel;

    VersionWriter(Connection connection, Parallel parallel) {
        this.connection = connection;
        this.parallel = parallel;
    }

    /** A file and the digest of its bytes. */
    private record Hashed(NewFile file, String digest) {
        long size() {
            return file.content().size();
        }
    }

    /**
     * Saves a version.
     *
     * @throws ArgosyException it is refused, or the caller gave up; nothing is visible then
     * @throws UncheckedIOException a file cannot be read, or changes while it is
     */
    ArtifactVersion save(ArtifactSpec spec, List<NewFile> files) {
        long bytes = files.stream().mapToLong(file -> file.content().size()).sum();
        var request = CreateArtifactVersionRequest.newBuilder()
                .setProject(connection.project())
                .setRequestId(Connection.newRequestId())
                .setSpec(spec);
        if (bytes <= connection.capabilities().maxInlineBytes()) {
            files.forEach(file -> request.addFiles(inline(file)));
        } else {
            request.addAllFiles(stored(files));
        }
        return connection.artifacts(stub -> stub.createArtifactVersion(request.build())).getArtifactVersion();
    }

    private static NewArtifactFile inline(NewFile file) {
        ByteString content = contentOf(file);
        return NewArtifactFile.newBuilder()
                .setPath(file.path())
                .setInlineContent(content)
                .setInlineDigest(ContentHash.of(content))
                .build();
    }

    private List<NewArtifactFile> stored(List<NewFile> files) {
        List<Supplier<Hashed>> hashing = new ArrayList<>();
        files.forEach(file -> hashing.add(() -> hashed(file)));
        List<Hashed> hashed = parallel.all(hashing);
        Set<String> missing = missing(hashed);
        Map<String, String> sent = send(hashed.stream()
                .filter(file -> missing.remove(file.digest())) // equal files are sent once
                .toList());
        return hashed.stream()
                .map(file -> NewArtifactFile.newBuilder()
                        .setPath(file.file().path())
                        .setDigest(sent.getOrDefault(file.digest(), file.digest()))
                        .build())
                .toList();
    }

    private static Hashed hashed(NewFile file) {
        Patience.check();
        try {
            return new Hashed(file, ContentHash.of(file.content()));
        } catch (IOException unreadable) {
            throw unreadable(file, unreadable);
        }
    }

    private Set<String> missing(List<Hashed> files) {
        List<String> digests = files.stream().map(Hashed::digest).distinct().toList();
        Set<String> missing = new HashSet<>();
        for (List<String> part : Lists.partition(digests, connection.capabilities().maxDigests())) {
            var request = FindMissingBlobsRequest.newBuilder()
                    .setProject(connection.project())
                    .addAllDigests(part)
                    .build();
            missing.addAll(
                    connection.blobs(stub -> stub.findMissingBlobs(request)).getMissingDigestsList());
        }
        return missing;
    }

    /** Sends files, some at once; returns the digest each large one has now by the one it had before. */
    private Map<String, String> send(List<Hashed> files) {
        List<Supplier<Void>> tasks = new ArrayList<>();
        Map<String, String> sent = new ConcurrentHashMap<>();
        List<Hashed> small = new ArrayList<>();
        for (Hashed file : files) {
            if (file.size() < VersionFiles.SMALL_BYTES) {
                small.add(file);
            } else {
                tasks.add(() -> {
                    sent.put(file.digest(), new Upload(connection, file.file().content(), file.digest()).run());
                    return null;
                });
            }
        }
        for (List<Hashed> batch : connection.capabilities().batches(small, Hashed::size)) {
            tasks.add(() -> sendSmall(batch));
        }
        parallel.all(tasks);
        return sent;
    }

    private Void sendSmall(List<Hashed> batch) {
        var request = BatchUploadBlobsRequest.newBuilder().setProject(connection.project());
        for (Hashed file : batch) {
            request.addBlobs(NewBlob.newBuilder().setDigest(file.digest()).setContent(contentOf(file.file())));
        }
        for (ItemStatus status :
                connection.blobs(stub -> stub.batchUploadBlobs(request.build())).getStatusesList()) {
            if (status.getCode() != 0) {
                throw ErrorMapping.of(status);
            }
        }
        return null;
    }

    private static ByteString contentOf(NewFile file) {
        byte[] content = new byte[(int) file.content().size()];
        try (InputStream stream = file.content().open(0)) {
            if (stream.readNBytes(content, 0, content.length) != content.length || stream.read() >= 0) {
                throw new IOException("it does not have the " + content.length + " bytes it had");
            }
            return UnsafeByteOperations.unsafeWrap(content);
        } catch (IOException unreadable) {
            throw unreadable(file, unreadable);
        }
    }

    private static UncheckedIOException unreadable(NewFile file, IOException cause) {
        return new UncheckedIOException(file.path() + " cannot be saved: " + cause.getMessage(), cause);
    }
}
