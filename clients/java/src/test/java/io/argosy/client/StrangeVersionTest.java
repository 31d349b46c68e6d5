package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Versions that no client of Argosy saves are refused by name and leave nothing on the disk. */
class StrangeVersionTest {
    private static final ByteString MANIFEST =
            ByteString.copyFromUtf8("{\"name\":\"d\",\"empty_directories\":[\"void\"]}");

    @TempDir
    Path folder;

    private List<String> left() throws IOException {
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.map(path -> path.getFileName().toString()).sorted().collect(Collectors.toList());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "file, a b",
        "file, ''",
        "file, a/b",
        "file, a a",
        "bytes, a a/b",
        "bytes, a/b a",
        "directory, directory.json content/a content/a/b",
        "directory, directory.json content/void",
        "directory, directory.json content/void/a/b content/void/a",
        "directory, directory.json content/a other/b",
    })
    void pathsThatMakeNoTreeAreRefusedBeforeAnythingIsWritten(String format, String paths) throws IOException {
        String[] files = paths.isEmpty() ? new String[0] : paths.split(" ");
        try (PlayedVersion strange = PlayedVersion.of(format, MANIFEST, files)) {
            assertThrows(
                    ArgosyException.MalformedContent.class,
                    () -> strange.client().download(ArtifactRef.latest("strange"), folder.resolve("target")));
            assertEquals(List.of(), left());
        }
    }

    @Test
    void aDownloadLeavesNothingBesideItsTarget() throws IOException {
        try (PlayedVersion good = PlayedVersion.of("bytes", MANIFEST, "data.bin")) {
            good.client().download(ArtifactRef.latest("good"), folder.resolve("target"));
        }
        var other = PlayedVersion.file("data.bin", ByteString.copyFromUtf8("other bytes"));
        try (PlayedVersion damaged =
                new PlayedVersion("bytes", MANIFEST, new PlayedServer.Capable(), List.of(other))) {
            assertThrows(
                    ArgosyException.DataLoss.class,
                    () -> damaged.client().download(ArtifactRef.latest("damaged"), folder.resolve("none")));
        }
        assertEquals(List.of("target"), left());
    }

    @Test
    void aLinkToAnEmptyDirectoryStaysAndIsFilled() throws IOException {
        Path place = Files.createDirectory(folder.resolve("place"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), place);
        try (PlayedVersion good = PlayedVersion.of("bytes", MANIFEST, "data.bin")) {
            good.client().download(ArtifactRef.latest("good"), link);
        }
        assertTrue(Files.isSymbolicLink(link));
        assertTrue(Files.isRegularFile(place.resolve("data.bin")));
        assertEquals(List.of("link", "place"), left());
    }

    @Test
    void aDirectoryThatIsThereIsFilledAndNotReplaced() throws IOException {
        Path place = Files.createDirectory(folder.resolve("mounted"));
        Object key = Files.readAttributes(place, BasicFileAttributes.class).fileKey();
        var other = PlayedVersion.file("data.bin", ByteString.copyFromUtf8("other bytes"));
        try (PlayedVersion damaged =
                new PlayedVersion("bytes", MANIFEST, new PlayedServer.Capable(), List.of(other))) {
            assertThrows(
                    ArgosyException.DataLoss.class,
                    () -> damaged.client().download(ArtifactRef.latest("damaged"), place));
        }
        assertEquals(0, place.toFile().list().length);
        try (PlayedVersion good = PlayedVersion.of("bytes", MANIFEST, "data.bin", "a/data.bin")) {
            good.client().download(ArtifactRef.latest("good"), place);
        }
        assertEquals(key, Files.readAttributes(place, BasicFileAttributes.class).fileKey());
        assertEquals(Set.of("a", "data.bin"), Set.of(place.toFile().list()));
        assertEquals(List.of("mounted"), left());
    }

    @Test
    void whatNoCodecReadsIsNamedWithItsFormat() throws IOException {
        String descr = "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (0,), }";
        ByteString structured = ByteString.copyFrom(
                        new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) descr.length(), 0})
                .concat(ByteString.copyFromUtf8(descr));
        try (PlayedVersion strange = PlayedVersion.of("npy", structured, "data.npy")) {
            var refused = assertThrows(
                    ArgosyException.UnsupportedFormat.class, () -> strange.client().load("records"));
            assertTrue(refused.getMessage().startsWith("records of format 'npy': "), refused.getMessage());
        }
        try (PlayedVersion strange = PlayedVersion.of("text", ByteString.copyFrom(new byte[] {-1}), "data.txt")) {
            var refused = assertThrows(
                    ArgosyException.MalformedContent.class, () -> strange.client().load("note"));
            assertTrue(refused.getMessage().startsWith("note of format 'text': "), refused.getMessage());
        }
    }

    @Test
    void aMomentMayHaveAnyDigitsOfASecond() throws IOException {
        ByteString moment = ByteString.copyFromUtf8("{\"$datetime\":\"2026-03-01T12:30:00.5\"}");
        try (PlayedVersion strange = PlayedVersion.of("json", moment, "data.json")) {
            assertEquals(LocalDateTime.of(2026, 3, 1, 12, 30, 0, 500_000_000), strange.client().load("moment"));
        }
    }

    @Test
    void aNumberBeyondFloat64IsRefusedAndNotRoundedToInfinity() throws IOException {
        try (PlayedVersion strange = PlayedVersion.of("json", ByteString.copyFromUtf8("[1e400]"), "data.json")) {
            assertThrows(ArgosyException.MalformedContent.class, () -> strange.client().load("numbers"));
        }
    }
}
