package io.argosy.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Directories that are removed when the client is closed. */
final class TemporaryDirectories {
    private final List<Path> made = new ArrayList<>();

    synchronized Path create() {
        try {
            Path directory = Files.createTempDirectory("argosy-");
            made.add(directory);
            return directory;
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    synchronized void close() {
        try {
            for (Path directory : made) {
                remove(directory);
            }
        } catch (IOException held) {
            throw new UncheckedIOException(held);
        } finally {
            made.clear();
        }
    }

    /** Removes a directory and all that is in it. */
    static void remove(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> tree = Files.walk(directory)) {
            deepestFirst = tree.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : deepestFirst) {
            Files.deleteIfExists(path);
        }
    }
}
