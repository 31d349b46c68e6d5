package io.argosy.client;

import io.argosy.client.codec.DirectoryCodec;
import io.argosy.client.codec.FileNames;
import io.argosy.client.codec.StoredFiles;
import io.argosy.v1.ArtifactVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Writes a version into a directory: hidden first, and to its place when all of it is there and verified. */
final class Download {
    private final DirectoryCodec directories;

    Download(DirectoryCodec directories) {
        this.directories = directories;
    }

    void run(ArtifactVersion version, StoredFiles files, Path target) {
        FileNames.checkTree(files.paths(), List.of());
        if (version.getFormat().equals("file")) {
            FileNames.checkedOnly(files.paths());
        }
        try {
            // A link to an empty directory stays, and that is filled.
            Path place = Files.exists(target, LinkOption.NOFOLLOW_LINKS)
                    ? target.toRealPath()
                    : target.toAbsolutePath().normalize();
            requireEmpty(place);
            boolean isThere = Files.exists(place);
            Path work = isThere ? Files.createTempDirectory(place, ".argosy-") : beside(place);
            try {
                Path content = work.resolve("content");
                write(version, files, content);
                if (isThere) {
                    fill(place, content);
                } else {
                    Files.move(content, place, StandardCopyOption.ATOMIC_MOVE);
                }
            } finally {
                TemporaryDirectories.remove(work);
            }
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    private static Path beside(Path place) throws IOException {
        Files.createDirectories(place.getParent());
        return Files.createTempDirectory(place.getParent(), ".argosy-");
    }

    /** Moves what is complete into a directory that is there: no other one can take the place of a mounted one. */
    private static void fill(Path place, Path content) throws IOException {
        List<Path> moved = new ArrayList<>();
        try (Stream<Path> complete = Files.list(content)) {
            for (Path path : (Iterable<Path>) complete::iterator) {
                moved.add(Files.move(path, place.resolve(path.getFileName())));
            }
        } catch (IOException taken) {
            for (Path path : moved) {
                TemporaryDirectories.remove(path);
            }
            throw taken;
        }
    }

    private void write(ArtifactVersion version, StoredFiles files, Path content) throws IOException {
        Files.createDirectory(content);
        if (version.getFormat().equals("directory")) {
            directories.restore(files, content);
            return;
        }
        Map<String, Path> targets = new LinkedHashMap<>();
        files.paths().forEach(path -> targets.put(path, FileNames.place(content, path)));
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
