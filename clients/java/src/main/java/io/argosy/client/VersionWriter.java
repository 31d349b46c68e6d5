package io.argosy.client;

import com.google.protobuf.ByteString;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

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
        ByteSource source() {
            return file.content();
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
        byte[] content = contentOf(file);
        return NewArtifactFile.newBuilder()
                .setPath(file.path())
                .setInlineContent(ByteString.copyFrom(content))
                .setInlineDigest(ContentHash.of(content))
                .build();
    }

    private List<NewArtifactFile> stored(List<NewFile> files) {
        List<Hashed> hashed = new ArrayList<>(parallel.all(hashing(files)));
        Set<String> missing = missing(hashed);
        Map<String, String> sent = send(hashed.stream()
                .filter(file -> missing.remove(file.digest())) // equal files are sent once
                .toList());
        List<NewArtifactFile> stored = new ArrayList<>();
        for (Hashed file : hashed) {
            stored.add(NewArtifactFile.newBuilder()
                    .setPath(file.file().path())
                    .setDigest(sent.getOrDefault(file.digest(), file.digest()))
                    .build());
        }
        return stored;
    }

    private static List<Callable<Hashed>> hashing(List<NewFile> files) {
        List<Callable<Hashed>> tasks = new ArrayList<>();
        for (NewFile file : files) {
            tasks.add(() -> {
                Patience.check();
                try {
                    return new Hashed(file, ContentHash.of(file.content()));
                } catch (IOException unreadable) {
                    throw unreadable(file, unreadable);
                }
            });
        }
        return tasks;
    }

    private Set<String> missing(List<Hashed> files) {
        List<String> digests = files.stream().map(Hashed::digest).distinct().toList();
        Set<String> missing = new HashSet<>();
        int most = connection.capabilities().maxDigests();
        for (int at = 0; at < digests.size(); at += most) {
            var request = FindMissingBlobsRequest.newBuilder()
                    .setProject(connection.project())
                    .addAllDigests(digests.subList(at, Math.min(at + most, digests.size())))
                    .build();
            missing.addAll(
                    connection.blobs(stub -> stub.findMissingBlobs(request)).getMissingDigestsList());
        }
        return missing;
    }

    /** Sends files, some at once; returns the digest each has now by the one it had before. */
    private Map<String, String> send(List<Hashed> files) {
        List<Callable<Void>> tasks = new ArrayList<>();
        Map<String, String> sent = new LinkedHashMap<>();
        List<Hashed> batch = new ArrayList<>();
        long bytes = 0;
        Capabilities limits = connection.capabilities();
        for (Hashed file : files) {
            long size = file.source().size();
            if (size >= VersionFiles.SMALL_BYTES) {
                tasks.add(() -> {
                    String digest = new Upload(connection, file.source(), file.digest()).run();
                    synchronized (sent) {
                        sent.put(file.digest(), digest);
                    }
                    return null;
                });
                continue;
            }
            if (batch.size() >= limits.maxBatchItems() || bytes + size > limits.maxBatchBytes()) {
                tasks.add(batchUpload(batch));
                batch = new ArrayList<>();
                bytes = 0;
            }
            batch.add(file);
            bytes += size;
        }
        if (!batch.isEmpty()) {
            tasks.add(batchUpload(batch));
        }
        if (!tasks.isEmpty()) {
            parallel.all(tasks);
        }
        return sent;
    }

    private Callable<Void> batchUpload(List<Hashed> batch) {
        return () -> {
            var request = BatchUploadBlobsRequest.newBuilder().setProject(connection.project());
            for (Hashed file : batch) {
                request.addBlobs(NewBlob.newBuilder()
                        .setDigest(file.digest())
                        .setContent(ByteString.copyFrom(contentOf(file.file()))));
            }
            List<ItemStatus> statuses =
                    connection.blobs(stub -> stub.batchUploadBlobs(request.build())).getStatusesList();
            for (ItemStatus status : statuses) {
                if (status.getCode() != 0) {
                    throw ErrorMapping.of(status);
                }
            }
            return null;
        };
    }

    private static byte[] contentOf(NewFile file) {
        int size = (int) file.content().size();
        try (InputStream stream = file.content().open(0)) {
            byte[] content = stream.readNBytes(size);
            if (content.length != size || stream.read() >= 0) {
                throw new IOException("it does not have the " + size + " bytes it had");
            }
            return content;
        } catch (IOException unreadable) {
            throw unreadable(file, unreadable);
        }
    }

    private static UncheckedIOException unreadable(NewFile file, IOException cause) {
        return new UncheckedIOException(file.path() + " cannot be saved: " + cause.getMessage(), cause);
    }
}
