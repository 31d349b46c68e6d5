package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Format {@code directory}: a tree of files and empty directories. Loaded, it lies in a directory that goes with the
 * client.
 */
public final class DirectoryCodec implements Codec<Path> {
    private static final String MANIFEST = "directory.json";
    private static final String CONTENT = "content";

    @Override
    public String format() {
        return "directory";
    }

    @Override
    public List<NewFile> encode(Path value) {
        Path root = directory(value);
        List<NewFile> files = new ArrayList<>();
        List<String> empty = new ArrayList<>();
        try (Stream<Path> tree = Files.walk(root)) {
            for (Path path : (Iterable<Path>) tree.filter(path -> !path.equals(root)).sorted()::iterator) {
                add(path, FileNames.checkedText(root.relativize(path)), files, empty);
            }
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        Path name = root.getFileName();
        Map<String, Object> manifest = new LinkedHashMap<>();
        manifest.put("name", name == null ? "root" : FileNames.checkedText(name));
        manifest.put("empty_directories", empty);
        files.add(0, new NewFile(MANIFEST, JsonCodec.document(manifest)));
        return files;
    }

    /** Returns where a directory really is: a walk that begins at a link to it would end there. */
    private static Path directory(Path value) {
        try {
            Path root = value.toRealPath();
            if (!Files.isDirectory(root)) {
                throw new NotDirectoryException(value + " is no directory; save it as format 'file'");
            }
            return root;
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static void add(Path path, String relative, List<NewFile> files, List<String> empty) throws IOException {
        if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
            files.add(new NewFile(CONTENT + "/" + relative, ByteSource.of(path)));
        } else if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            try (Stream<Path> inside = Files.list(path)) {
                if (inside.findAny().isEmpty()) {
                    empty.add(relative);
                }
            }
        } else {
            throw ArgosyException.malformed(
                    path + " is a link or a special file, which format 'directory' does not keep; remove it", null);
        }
    }

    @Override
    public Path decode(StoredFiles files) {
        Manifest manifest = manifest(files);
        Path target = FileNames.place(files.temporaryDirectory(), manifest.name());
        restore(files, manifest, target);
        return target;
    }

    /**
     * Writes the tree into a directory that is there or not, under no name of its own.
     *
     * @throws ArgosyException.MalformedContent a path would lead out of it; nothing is written then
     */
    public void restore(StoredFiles files, Path target) {
        restore(files, manifest(files), target);
    }

    private static void restore(StoredFiles files, Manifest manifest, Path target) {
        for (String path : files.paths()) {
            if (!path.equals(MANIFEST) && !path.startsWith(CONTENT + "/")) {
                throw ArgosyException.malformed(
                        "format 'directory' is " + MANIFEST + " and files below " + CONTENT + "/, but the version has \""
                                + path + "\"; save the directory again",
                        null);
            }
        }
        StoredFiles content = files.child(CONTENT);
        Map<String, Path> targets = new LinkedHashMap<>();
        FileNames.checkTree(content.paths(), manifest.empty());
        content.paths().forEach(path -> targets.put(path, FileNames.place(target, path)));
        List<Path> empty = manifest.empty().stream().map(path -> FileNames.place(target, path)).toList();
        try {
            Files.createDirectories(target);
            for (Path directory : empty) {
                Files.createDirectories(directory);
            }
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
        content.copy(targets);
    }

    private record Manifest(String name, List<String> empty) {}

    private Manifest manifest(StoredFiles files) {
        Object document = JsonText.read(files.readOnly("directory", MANIFEST));
        if (document instanceof Map<?, ?> members
                && members.get("name") instanceof String name
                && members.get("empty_directories") instanceof List<?> empty
                && empty.stream().allMatch(String.class::isInstance)) {
            return new Manifest(
                    FileNames.checkedName(name), empty.stream().map(String.class::cast).toList());
        }
        throw ArgosyException.malformed(
                MANIFEST + " must hold a name and a list of empty directories; save the directory again", null);
    }
}
