package io.argosy.client;

import io.argosy.client.codec.DirectoryCodec;
import io.argosy.client.codec.FileNames;
import io.argosy.client.codec.StoredFiles;
import io.argosy.v1.ArtifactVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/** Writes a version into a directory: beside it first, and to its place when all of it is there and verified. */
final class Download {
    private final DirectoryCodec directories;

    Download(DirectoryCodec directories) {
        this.directories = directories;
    }

    void run(ArtifactVersion version, StoredFiles files, Path target) {
        files.paths().forEach(FileNames::checkedPath);
        Path place = target.toAbsolutePath().normalize();
        try {
            requireEmpty(place);
            Files.createDirectories(place.getParent());
            Path beside = Files.createTempDirectory(place.getParent(), "." + place.getFileName() + ".");
            try {
                write(version, files, beside.resolve("content"));
                Files.move(beside.resolve("content"), place, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                TemporaryDirectories.remove(beside);
            }
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    private void write(ArtifactVersion version, StoredFiles files, Path content) throws IOException {
        Files.createDirectory(content);
        if (version.getFormat().equals("directory")) {
            directories.restore(files, content);
            return;
        }
        Map<String, Path> targets = new LinkedHashMap<>();
        files.paths().forEach(path -> targets.put(path, content.resolve(path)));
        files.copy(targets);
    }

    private static void requireEmpty(Path place) throws IOException {
        if (!Files.exists(place)) {
            return;
        }
        if (!Files.isDirectory(place)) {
            throw new NotDirectoryException(place + " is no directory; name another one");
        }
        try (Stream<Path> inside = Files.list(place)) {
            if (inside.findAny().isPresent()) {
                throw new IOException(place + " is not empty, and a download never mixes with what is there; "
                        + "name a new directory");
            }
        }
    }
}
