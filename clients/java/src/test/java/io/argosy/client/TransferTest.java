package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.argosy.v1.ArtifactVersion;
import io.grpc.Context;
import io.grpc.Deadline;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Bytes there and back through a real server. */
@ExtendWith(SharedServer.class)
class TransferTest {
    private static final int MEBIBYTE = 1 << 20;

    private final ArgosyClient client;

    @TempDir
    Path folder;

    TransferTest(ArgosyClient client) {
        this.client = client;
    }

    static byte[] noise(int size, int seed) {
        byte[] content = new byte[size];
        new Random(seed).nextBytes(content);
        return content;
    }

    private byte[] stored(String name) throws IOException {
        try (InputStream stream = client.open(ArtifactRef.latest(name))) {
            return stream.readAllBytes();
        }
    }

    @Test
    void bytesOfEverySizeComeBackEqual() {
        for (int size : new int[] {0, 1, 1_000, 256 << 10, MEBIBYTE, MEBIBYTE + 1, 5 * MEBIBYTE + 3}) {
            byte[] content = noise(size, size);
            client.save("bytes of " + size, content);
            assertArrayEquals(content, client.load(ArtifactRef.latest("bytes of " + size), byte[].class));
        }
    }

    @Test
    void whatTheProjectHasIsNotSentAgain() {
        byte[] content = noise(3 * MEBIBYTE, 3);
        client.upload("first", ByteSource.of(content), spec -> {});
        WatchedSource again = new WatchedSource(content, Long.MAX_VALUE, () -> {});
        client.upload("second", again, spec -> {});
        assertEquals(0, again.sent);
    }

    @Test
    void aStreamThatCannotBeReadAgainIsKeptMeanwhile() throws IOException {
        byte[] content = noise(2 * MEBIBYTE, 4);
        client.upload("stream", new ByteArrayInputStream(content), spec -> {});
        assertArrayEquals(content, stored("stream"));
    }

    @Test
    void anUploadWhoseContextIsCancelledLeavesNoVersion() {
        Context.CancellableContext context = Context.current().withCancellation();
        WatchedSource source = new WatchedSource(noise(8 * MEBIBYTE, 5), 4 * MEBIBYTE, () -> context.cancel(null));
        context.run(() -> assertThrows(
                ArgosyException.Cancelled.class, () -> client.upload("cancelled", source, spec -> {})));
        assertEquals(0, client.versions("cancelled").count());
    }

    @Test
    void anUploadWhoseThreadIsInterruptedLeavesNoVersion() {
        Thread here = Thread.currentThread();
        WatchedSource source = new WatchedSource(noise(8 * MEBIBYTE, 6), 4 * MEBIBYTE, here::interrupt);
        assertThrows(
                ArgosyException.Cancelled.class, () -> client.upload("interrupted", source, spec -> {}));
        assertTrue(Thread.interrupted(), "the thread forgot that it was interrupted");
        assertEquals(0, client.versions("interrupted").count());
    }

    @Test
    void theDeadlineOfTheCallerCounts() {
        var timer = Executors.newSingleThreadScheduledExecutor();
        Context.CancellableContext context =
                Context.current().withDeadline(Deadline.after(1, TimeUnit.MICROSECONDS), timer);
        context.run(() -> assertThrows(
                ArgosyException.DeadlineExceeded.class, () -> client.save("late", "too late")));
        timer.shutdown();
    }

    @Test
    void contentThatChangesWhileItIsSavedIsNeverStoredUnderAWrongDigest() throws IOException {
        byte[] content = noise(2 * MEBIBYTE, 7);
        WatchedSource source = new WatchedSource(content, MEBIBYTE, () -> content[content.length - 1] ^= 1);
        client.upload("changing", source, spec -> {});
        assertArrayEquals(content, stored("changing"));
    }

    @Test
    void aDirectoryComesBackWithItsEmptyDirectories() throws IOException {
        Path tree = Files.createDirectories(folder.resolve("tree"));
        Files.createDirectories(tree.resolve("a/empty"));
        Files.write(tree.resolve("a/large.bin"), noise(600_000, 8));
        for (int i = 0; i < 40; i++) {
            Files.writeString(tree.resolve("ü " + i + ".txt"), "text " + i);
        }
        Files.write(tree.resolve("medium.bin"), noise(1_200_000, 9));
        client.save("tree", tree);
        client.download(ArtifactRef.latest("tree"), folder.resolve("again"));
        assertTrue(Files.isDirectory(folder.resolve("again/a/empty")));
        assertEquals("text 7", Files.readString(folder.resolve("again/ü 7.txt")));
        assertArrayEquals(noise(600_000, 8), Files.readAllBytes(folder.resolve("again/a/large.bin")));
        Path loaded = client.load(ArtifactRef.latest("tree"), Path.class);
        assertEquals("tree", loaded.getFileName().toString());
        assertEquals("text 39", Files.readString(loaded.resolve("ü 39.txt")));
    }

    @Test
    void aDownloadNeverMixesWithWhatIsThere() throws IOException {
        client.save("note", "hello");
        Path target = Files.createDirectory(folder.resolve("used"));
        Files.writeString(target.resolve("mine.txt"), "mine");
        var refused = assertThrows(
                UncheckedIOException.class, () -> client.download(ArtifactRef.latest("note"), target));
        assertTrue(refused.getMessage().contains("name a new directory"), refused.getMessage());
        assertFalse(Files.exists(target.resolve("data.txt")));
        try (var inside = Files.list(folder)) {
            assertEquals(1, inside.count(), "something is left beside the target");
        }
    }

    @Test
    void aVersionThatIsRefusedLeavesNothing() {
        ArtifactVersion one = client.save("labelled", 1L, spec -> spec.setVersion("one"));
        assertEquals("one", one.getVersion());
        var taken = assertThrows(
                ArgosyException.VersionExists.class,
                () -> client.save("labelled", 2L, spec -> spec.setVersion("one")));
        assertEquals("VERSION_EXISTS", taken.reason());
        assertEquals(1, client.versions("labelled").count());
        assertEquals(1L, client.load("labelled"));
    }
}
