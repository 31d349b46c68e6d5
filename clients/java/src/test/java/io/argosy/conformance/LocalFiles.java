package io.argosy.conformance;

import io.argosy.client.codec.StoredFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Files of this machine as those of a version, so that a codec can be used without a server. */
public final class LocalFiles implements StoredFiles {
    private final TreeMap<String, Path> files;

    /**
     * @param files where each lies, by its path inside of the version
     */
    public LocalFiles(Map<String, Path> files) {
        this.files = new TreeMap<>(files);
    }

    @Override
    public List<String> paths() {
        return List.copyOf(files.keySet());
    }

    @Override
    public byte[] read(String path) {
        try {
            return Files.readAllBytes(files.get(path));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    @Override
    public InputStream open(String path) {
        try {
            return Files.newInputStream(files.get(path));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    @Override
    public void copy(Map<String, Path> targets) {
        try {
            for (Map.Entry<String, Path> target : targets.entrySet()) {
                Files.copy(files.get(target.getKey()), target.getValue());
            }
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    @Override
    public StoredFiles child(String folder) {
        Map<String, Path> below = new TreeMap<>();
        files.forEach((path, file) -> {
            if (path.startsWith(folder + "/")) {
                below.put(path.substring(folder.length() + 1), file);
            }
        });
        return new LocalFiles(below);
    }

    @Override
    public Path temporaryDirectory() {
        try {
            Path directory = Files.createTempDirectory("argosy-conformance-");
            directory.toFile().deleteOnExit();
            return directory;
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }
}
