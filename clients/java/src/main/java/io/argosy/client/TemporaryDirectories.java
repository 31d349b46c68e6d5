package io.argosy.client;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Directories that are removed when the client is closed. */
final class TemporaryDirectories {
    private final List<Path> made = new ArrayList<>();

    synchronized Path create() {
        try {
            made.add(Files.createTempDirectory("argosy-"));
            return made.get(made.size() - 1);
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
        if (Files.exists(directory)) {
            MoreFiles.deleteRecursively(directory, RecursiveDeleteOption.ALLOW_INSECURE);
        }
    }
}
