package io.argosy.client.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.argosy.client.ArgosyException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What of the disk becomes a version, under which names. */
class PathCodecsTest {
    private final Codecs codecs = new Codecs(List.of());

    @TempDir
    Path folder;

    private List<String> saved(Path path) {
        return codecs.forValue(path).encode(path).stream().map(NewFile::path).toList();
    }

    @Test
    void aLinkToADirectoryIsAllThatIsInIt() throws Exception {
        Files.writeString(Files.createDirectory(folder.resolve("real")).resolve("weights"), "w");
        Path link = Files.createSymbolicLink(folder.resolve("current"), folder.resolve("real"));
        assertEquals(List.of("directory.json", "content/weights"), saved(link));
    }

    @Test
    void aFileIsNoDirectoryWithoutFiles() throws Exception {
        Path file = Files.writeString(folder.resolve("weights"), "w");
        assertThrows(UncheckedIOException.class, () -> codecs.directory().encode(file));
    }

    @Test
    void aNameThatIsNoTextIsRefusedAndNotReplaced() throws Exception {
        Path tree = Files.createDirectory(folder.resolve("tree"));
        String make = "touch \"$(printf 'caf\\351')\"";
        assertEquals(0, new ProcessBuilder("sh", "-c", make).directory(tree.toFile()).start().waitFor());
        assertThrows(ArgosyException.MalformedContent.class, () -> saved(tree));
        try (var inside = Files.list(tree)) {
            Path file = inside.findFirst().orElseThrow();
            assertThrows(ArgosyException.MalformedContent.class, () -> saved(file));
        }
    }

    @Test
    void aNameTheSystemCannotSayIsRefusedLikeAnyOther() {
        assertThrows(ArgosyException.MalformedContent.class, () -> FileNames.place(folder, "a\0b"));
    }
}
