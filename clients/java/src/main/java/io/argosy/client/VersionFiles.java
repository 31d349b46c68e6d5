package io.argosy.client;

import com.google.protobuf.ByteString;
import io.argosy.client.codec.StoredFiles;
import io.argosy.v1.ArtifactFile;
import io.argosy.v1.BatchReadBlobsRequest;
import io.argosy.v1.ReadBlobResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/** The files of a version as the server has them: many small ones come in a call, others as streams. */
final class VersionFiles implements StoredFiles {
    /** Files below this many bytes travel in batches. */
    static final int SMALL_BYTES = 256 << 10;

    private final Connection connection;
    private final Parallel parallel;
    private final Supplier<Path> temporary;
    private final TreeMap<String, ArtifactFile> files = new TreeMap<>();
    private final Map<String, ByteString> contents;

    /**
     * @param contents bytes that are here already, verified, by digest
     * @param temporary makes a directory that is removed when the client is closed
     */
    VersionFiles(
            Connection connection,
            Parallel parallel,
            Supplier<Path> temporary,
            List<ArtifactFile> files,
            Map<String, ByteString> contents) {
        this.connection = connection;
        this.parallel = parallel;
        this.temporary = temporary;
        this.contents = contents;
        for (ArtifactFile file : files) {
            if (!ContentHash.isDigest(file.getDigest())) {
                throw BlobReader.damaged(file, "that is no digest");
            }
            if (this.files.put(file.getPath(), file) != null) {
                throw ArgosyException.malformed(
                        "the version has two files \"" + file.getPath() + "\"; save it again by a client of Argosy",
                        null);
            }
        }
    }

    @Override
    public List<String> paths() {
        return List.copyOf(files.keySet());
    }

    @Override
    public byte[] read(String path) {
        ArtifactFile file = file(path);
        ByteString known = contents.get(file.getDigest());
        if (known != null) {
            return known.toByteArray();
        }
        if (file.getSizeBytes() > Integer.MAX_VALUE - 8) {
            throw ArgosyException.malformed(
                    path + " has " + file.getSizeBytes() + " bytes, more than an array of Java can; "
                            + "read it with open(...) or download(...)",
                    null);
        }
        ByteBuffer whole = ByteBuffer.allocate((int) file.getSizeBytes());
        try (BlobReader reader = new BlobReader(connection, file)) {
            for (ByteString chunk = reader.nextChunk(); chunk != null; chunk = reader.nextChunk()) {
                chunk.copyTo(whole);
            }
        }
        return whole.array();
    }

    @Override
    public InputStream open(String path) {
        ArtifactFile file = file(path);
        ByteString known = contents.get(file.getDigest());
        return known == null ? new BlobReader(connection, file) : known.newInput();
    }

    /** A file and where it goes. */
    private record Copy(ArtifactFile file, Path target) {
        long size() {
            return file.getSizeBytes();
        }
    }

    @Override
    public void copy(Map<String, Path> targets) {
        List<Supplier<Void>> tasks = new ArrayList<>();
        List<Copy> small = new ArrayList<>();
        new TreeMap<>(targets).forEach((path, target) -> {
            Copy copy = new Copy(file(path), target);
            ByteString known = contents.get(copy.file().getDigest());
            if (known != null) {
                write(target, known);
            } else if (copy.size() < SMALL_BYTES) {
                small.add(copy);
            } else {
                tasks.add(() -> copyLarge(copy));
            }
        });
        for (List<Copy> batch : connection.capabilities().batches(small, Copy::size)) {
            tasks.add(() -> copySmall(batch));
        }
        parallel.all(tasks);
    }

    private Void copySmall(List<Copy> batch) {
        var request = BatchReadBlobsRequest.newBuilder().setProject(connection.project());
        batch.forEach(copy -> request.addDigests(copy.file().getDigest()));
        List<ReadBlobResult> results =
                connection.blobs(stub -> stub.batchReadBlobs(request.build())).getResultsList();
        for (int i = 0; i < batch.size(); i++) {
            ArtifactFile file = batch.get(i).file();
            if (i >= results.size()) {
                throw BlobReader.damaged(file, "the server did not answer for it");
            }
            if (results.get(i).getStatus().getCode() != 0) {
                throw ErrorMapping.of(results.get(i).getStatus());
            }
            write(batch.get(i).target(), verified(file, results.get(i).getContent()));
        }
        return null;
    }

    private Void copyLarge(Copy copy) {
        try (BlobReader reader = new BlobReader(connection, copy.file());
                FileChannel channel = create(copy.target())) {
            for (ByteString chunk = reader.nextChunk(); chunk != null; chunk = reader.nextChunk()) {
                write(channel, chunk);
            }
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
        return null;
    }

    /** Returns bytes that have the size and digest they must have. */
    static ByteString verified(ArtifactFile file, ByteString content) {
        String digest = ContentHash.of(content);
        if (content.size() != file.getSizeBytes() || !digest.equals(file.getDigest())) {
            throw BlobReader.damaged(file, content.size() + " bytes of the digest " + digest + " arrived");
        }
        return content;
    }

    private static void write(Path target, ByteString content) {
        try (FileChannel channel = create(target)) {
            write(channel, content);
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    private static FileChannel create(Path target) throws IOException {
        Files.createDirectories(target.toAbsolutePath().getParent());
        return FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    private static void write(FileChannel channel, ByteString content) throws IOException {
        ByteBuffer bytes = content.asReadOnlyByteBuffer();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
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
}
