package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.argosy.client.codec.Codec;
import io.argosy.client.codec.NewFile;
import io.argosy.client.codec.NpyArray;
import io.argosy.client.codec.StoredFiles;
import io.argosy.v1.ArtifactEvent;
import io.argosy.v1.ArtifactEventKind;
import io.argosy.v1.GetCapabilitiesRequest;
import io.argosy.v1.GetCapabilitiesResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Names, aliases, lists and watches, and what is said when something is wrong. */
class ClientTest {
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
    void aValueIsFoundByLabelAliasAndId() {
        var first = client.save("found", Map.of("a", 1L), SaveOptions.none().alias("prod").tag("good"));
        client.save("found", Map.of("a", 2L));
        assertEquals(Map.of("a", 2L), client.load("found"));
        assertEquals(Map.of("a", 1L), client.load(ArtifactRef.alias("found", "prod")).value());
        assertEquals(Map.of("a", 1L), client.load(ArtifactRef.version("found", "1")).value());
        assertEquals(Map.of("a", 1L), client.load(ArtifactRef.id(first.getId())).value());
        assertEquals(List.of("good"), client.version(ArtifactRef.id(first.getId())).getTagsList());
        assertEquals("2", client.setAlias(ArtifactRef.latest("found"), "prod").getVersion());
        assertEquals(Map.of("a", 2L), client.load(ArtifactRef.alias("found", "prod")).value());
        client.deleteAlias("found", "prod");
        assertThrows(
                ArgosyException.ArtifactNotFound.class, () -> client.load(ArtifactRef.alias("found", "prod")));
    }

    @Test
    void listsGoOnFromPageToPage() {
        List<String> names = IntStream.range(0, 450).mapToObj(i -> String.format("listed %04d", i)).toList();
        names.forEach(name -> client.save(name, 1L));
        assertEquals(names, client.list("LISTED").map(artifact -> artifact.getName()).toList());
    }

    @Test
    void aWatchGoesOnAfterAKillWithNothingMissedOrRepeated() {
        List<String> seen = new ArrayList<>();
        try (Watch events = client.watch(WatchOptions.all().name("watched"))) {
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

    @Test
    void aWatchGoesOnFromACursor() {
        String cursor;
        try (Watch events = client.watch(WatchOptions.all().name("cursor"))) {
            client.save("cursor", 1L);
            client.save("cursor", 2L);
            events.next();
            cursor = events.cursor();
        }
        try (Watch events = client.watch(WatchOptions.all().name("cursor").cursor(cursor))) {
            assertEquals("2", events.next().getVersion());
        }
    }

    @Test
    void aWatchThatIsClosedByAnotherThreadEnds() {
        Watch events = client.watch(WatchOptions.all().name("never saved"));
        new Thread(events::close).start();
        assertFalse(events.hasNext());
    }

    @Test
    void serversOfAListTakeOverForEachOther() throws IOException {
        int dead;
        try (ServerSocket port = new ServerSocket(0)) {
            dead = port.getLocalPort();
        }
        String live = server.address().substring("grpc://".length());
        try (ArgosyClient either =
                ArgosyClient.builder().server("grpc://127.0.0.1:" + dead + "," + live).build()) {
            for (long i = 0; i < 10; i++) {
                either.save("through a list", i);
                assertEquals(i, either.load("through a list"));
            }
        }
    }

    @Test
    void aServerThatIsNotThereIsNamedWithTheCure() throws IOException {
        int dead;
        try (ServerSocket port = new ServerSocket(0)) {
            dead = port.getLocalPort();
        }
        try (ArgosyClient nowhere = ArgosyClient.builder()
                .server("grpc://127.0.0.1:" + dead)
                .connectTimeout(Duration.ofMillis(300))
                .build()) {
            var error = assertThrows(ArgosyException.Unavailable.class, () -> nowhere.load("a"));
            assertTrue(error.getMessage().contains("127.0.0.1:" + dead), error.getMessage());
            assertTrue(error.getMessage().contains("argosy-server serve"), error.getMessage());
        }
    }

    @Test
    void aServerOfAnotherRevisionIsToldAtTheFirstCall() throws IOException {
        var newer = new VectorServer.Capable() {
            @Override
            public void getCapabilities(
                    GetCapabilitiesRequest request, StreamObserver<GetCapabilitiesResponse> answer) {
                answer.onNext(GetCapabilitiesResponse.newBuilder()
                        .setOldestProtocolRevision(2)
                        .setProtocolRevision(3)
                        .setServerVersion("9.9")
                        .build());
                answer.onCompleted();
            }
        };
        try (VectorServer played = new VectorServer(newer)) {
            var error = assertThrows(
                    ArgosyException.IncompatibleServer.class,
                    () -> played.connection().capabilities());
            assertTrue(error.getMessage().contains("revisions 2 to 3"), error.getMessage());
            assertTrue(error.getMessage().contains("upgrade this client"), error.getMessage());
        }
    }

    @Test
    void aLoadOfAnotherTypeSaysWhichItIs() {
        client.save("array", NpyArray.of(new double[] {1, 2}));
        var error = assertThrows(
                ArgosyException.MalformedContent.class,
                () -> client.load(ArtifactRef.latest("array"), String.class));
        assertTrue(error.getMessage().contains("'npy'"), error.getMessage());
    }

    @Test
    void aCodecOfAProgramsOwnKeepsItsValues() {
        try (ArgosyClient mine = ArgosyClient.builder()
                .server(server.address())
                .codec(URI.class, new Addresses())
                .build()) {
            mine.save("home", URI.create("https://example.com/"));
            assertEquals(URI.create("https://example.com/"), mine.load("home"));
        }
        var error = assertThrows(ArgosyException.UnsupportedFormat.class, () -> client.load("home"));
        assertTrue(error.getMessage().contains("uri-list"), error.getMessage());
    }

    private static final class Addresses implements Codec<URI> {
        @Override
        public String format() {
            return "uri-list";
        }

        @Override
        public List<NewFile> encode(URI value) {
            return List.of(new NewFile(
                    "data.uri", ByteSource.of(value.toString().getBytes(StandardCharsets.US_ASCII))));
        }

        @Override
        public URI decode(StoredFiles files) {
            return URI.create(new String(files.read("data.uri"), StandardCharsets.US_ASCII));
        }
    }
}
