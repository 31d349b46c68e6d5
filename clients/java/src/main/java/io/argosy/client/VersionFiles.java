package io.argosy.client;

import io.argosy.client.codec.StoredFiles;
import io.argosy.v1.ArtifactFile;
import io.argosy.v1.BatchReadBlobsRequest;
import io.argosy.v1.ReadBlobResult;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** The files of a version as the server has them: small ones come many in a call, large ones as streams. */
final class VersionFiles implements StoredFiles {
    /** Files below this many bytes travel in batches. */
    static final int SMALL_BYTES = 256 << 10;

    private final Connection connection;
    private final Parallel parallel;
    private final Supplier<Path> temporary;
    private final TreeMap<String, ArtifactFile> files = new TreeMap<>();
    private final Map<String, byte[]> contents;

    /**
     * @param contents bytes that are here already, verified, by digest
     * @param temporary makes a directory that is removed when the client is closed
     */
    VersionFiles(
            Connection connection,
            Parallel parallel,
            Supplier<Path> temporary,
            List<ArtifactFile> files,
            Map<String, byte[]> contents) {
        this.connection = connection;
        this.parallel = parallel;
        this.temporary = temporary;
        this.contents = contents;
        for (ArtifactFile file : files) {
            if (!ContentHash.isDigest(file.getDigest())) {
                throw BlobReader.damaged(file, "that is no digest");
            }
            this.files.put(file.getPath(), file);
        }
    }

    @Override
    public List<String> paths() {
        return List.copyOf(files.keySet());
    }

    @Override
    public long size(String path) {
        return file(path).getSizeBytes();
    }

    @Override
    public byte[] read(String path) {
        ArtifactFile file = file(path);
        byte[] known = contents.get(file.getDigest());
        if (known != null) {
            return known.clone();
        }
        if (file.getSizeBytes() > Integer.MAX_VALUE - 8) {
            throw ArgosyException.malformed(
                    path + " has " + file.getSizeBytes() + " bytes, more than an array of Java can; "
                            + "read it with open(...) or download(...)",
                    null);
        }
        if (file.getSizeBytes() < SMALL_BYTES) {
            return readBatch(List.of(file)).get(file.getDigest());
        }
        ByteBuffer whole = ByteBuffer.allocate((int) file.getSizeBytes());
        try (BlobReader reader = new BlobReader(connection, file)) {
            for (ByteBuffer chunk = reader.nextChunk(); chunk != null; chunk = reader.nextChunk()) {
                whole.put(chunk);
            }
        }
        return whole.array();
    }

    @Override
    public InputStream open(String path) {
        ArtifactFile file = file(path);
        byte[] known = contents.get(file.getDigest());
        return known == null ? new BlobReader(connection, file) : new ByteArrayInputStream(known);
    }

    @Override
    public void copy(Map<String, Path> targets) {
        List<Callable<Void>> tasks = new ArrayList<>();
        Map<ArtifactFile, Path> small = new HashMap<>();
        new TreeMap<>(targets).forEach((path, target) -> {
            ArtifactFile file = file(path);
            if (file.getSizeBytes() < SMALL_BYTES || contents.containsKey(file.getDigest())) {
                small.put(file, target);
            } else {
                tasks.add(() -> {
                    copyLarge(file, target);
                    return null;
                });
            }
        });
        for (List<ArtifactFile> batch : batches(small.keySet())) {
            tasks.add(() -> {
                Map<String, byte[]> found = readBatch(batch);
                for (ArtifactFile file : batch) {
                    write(small.get(file), found.get(file.getDigest()));
                }
                return null;
            });
        }
        if (!tasks.isEmpty()) {
            parallel.all(tasks);
        }
    }

    @Override
    public StoredFiles child(String folder) {
        List<ArtifactFile> below = files.values().stream()
                .filter(file -> file.getPath().startsWith(folder + "/"))
                .map(file -> file.toBuilder()
                        .setPath(file.getPath().substring(folder.length() + 1))
                        .build())
                .toList();
        return new VersionFiles(connection, parallel, temporary, below, contents);
    }

    @Override
    public Path temporaryDirectory() {
        return temporary.get();
    }

    private ArtifactFile file(String path) {
        ArtifactFile file = files.get(path);
        if (file == null) {
            throw ArgosyException.malformed("the version has no file " + path + "; it has " + paths(), null);
        }
        return file;
    }

    private List<List<ArtifactFile>> batches(Iterable<ArtifactFile> all) {
        Capabilities limits = connection.capabilities();
        List<List<ArtifactFile>> batches = new ArrayList<>();
        long bytes = 0;
        for (ArtifactFile file : all) {
            List<ArtifactFile> last = batches.isEmpty() ? List.of() : batches.get(batches.size() - 1);
            bytes += file.getSizeBytes();
            if (last.isEmpty() || last.size() >= limits.maxBatchItems() || bytes > limits.maxBatchBytes()) {
                batches.add(new ArrayList<>());
                bytes = file.getSizeBytes();
            }
            batches.get(batches.size() - 1).add(file);
        }
        return batches;
    }

    /** Returns the bytes of small files by digest, verified. */
    private Map<String, byte[]> readBatch(List<ArtifactFile> batch) {
        Map<String, byte[]> found = new HashMap<>();
        List<ArtifactFile> wanted = new ArrayList<>();
        for (ArtifactFile file : batch) {
            byte[] known = contents.get(file.getDigest());
            if (known == null) {
                wanted.add(file);
            } else {
                found.put(file.getDigest(), known);
            }
        }
        if (wanted.isEmpty()) {
            return found;
        }
        var request = BatchReadBlobsRequest.newBuilder().setProject(connection.project());
        wanted.forEach(file -> request.addDigests(file.getDigest()));
        List<ReadBlobResult> results =
                connection.blobs(stub -> stub.batchReadBlobs(request.build())).getResultsList();
        for (int i = 0; i < wanted.size(); i++) {
            if (i >= results.size()) {
                throw BlobReader.damaged(wanted.get(i), "the server did not answer for it");
            }
            if (results.get(i).getStatus().getCode() != 0) {
                throw ErrorMapping.of(results.get(i).getStatus());
            }
            byte[] content = results.get(i).getContent().toByteArray();
            found.put(wanted.get(i).getDigest(), verified(wanted.get(i), content));
        }
        return found;
    }

    /** Returns bytes that have the size and digest they must have. */
    static byte[] verified(ArtifactFile file, byte[] content) {
        String digest = ContentHash.of(content);
        if (content.length != file.getSizeBytes() || !digest.equals(file.getDigest())) {
            throw BlobReader.damaged(file, content.length + " bytes of the digest " + digest + " arrived");
        }
        return content;
    }

    private void copyLarge(ArtifactFile file, Path target) throws IOException {
        Files.createDirectories(target.toAbsolutePath().getParent());
        try (BlobReader reader = new BlobReader(connection, file);
                FileChannel channel =
                        FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (ByteBuffer chunk = reader.nextChunk(); chunk != null; chunk = reader.nextChunk()) {
                while (chunk.hasRemaining()) {
                    channel.write(chunk);
                }
            }
        }
    }

    private static void write(Path target, byte[] content) {
        try {
            Files.createDirectories(target.toAbsolutePath().getParent());
            Files.write(target, content, StandardOpenOption.CREATE_NEW);
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }
}
