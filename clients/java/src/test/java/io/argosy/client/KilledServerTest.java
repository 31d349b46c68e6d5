package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.argosy.v1.ArtifactEvent;
import io.argosy.v1.ArtifactEventKind;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What is under way goes on when the server is killed and comes back; it is a server of this class alone. */
class KilledServerTest {
    private static final int MEBIBYTE = 1 << 20;

    private static ArgosyServer server;
    private static ArgosyClient client;

    @BeforeAll
    static void start() throws IOException {
        server = new ArgosyServer();
        client = server.client();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    @Test
    void anUploadGoesOnWhereAKilledServerKeptIt() {
        byte[] content = TransferTest.noise(40 * MEBIBYTE, 1);
        WatchedSource source = new WatchedSource(content, 30 * MEBIBYTE, server::killAndStart);
        client.upload("killed up", source, spec -> {});
        assertArrayEquals(content, client.load(ArtifactRef.latest("killed up"), byte[].class));
        assertTrue(source.sent < 70L * MEBIBYTE, "all of it was sent again: " + source.sent);
        assertEquals(1, client.versions("killed up").count());
    }

    @Test
    void aDownloadGoesOnWhereAKilledServerLeftIt() throws IOException {
        byte[] content = TransferTest.noise(40 * MEBIBYTE, 2);
        client.upload("killed down", ByteSource.of(content), spec -> {});
        byte[] received = new byte[content.length];
        try (InputStream stream = client.open(ArtifactRef.latest("killed down"))) {
            stream.readNBytes(received, 0, 20 * MEBIBYTE);
            server.killAndStart();
            stream.readNBytes(received, 20 * MEBIBYTE, content.length - 20 * MEBIBYTE);
            assertEquals(-1, stream.read());
        }
        assertArrayEquals(content, received);
    }

    @Test
    void aWatchGoesOnAfterAKillWithNothingMissedOrRepeated() {
        List<String> seen = new ArrayList<>();
        try (Watch events = client.watch(request -> request.setName("watched"))) {
            client.save("watched", 1L);
            client.save("watched", 2L);
            seen.add(events.next().getVersion());
            server.killAndStart();
            client.save("watched", 3L);
            seen.add(events.next().getVersion());
            seen.add(events.next().getVersion());
            client.setAlias(ArtifactRef.version("watched", "2"), "prod");
            ArtifactEvent moved = events.next();
            assertEquals(ArtifactEventKind.ARTIFACT_EVENT_KIND_ALIAS_MOVED, moved.getKind());
            assertEquals("prod", moved.getAlias());
        }
        assertEquals(List.of("1", "2", "3"), seen);
    }
}
