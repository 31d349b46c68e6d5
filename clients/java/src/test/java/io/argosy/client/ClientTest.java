package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.argosy.client.codec.Codec;
import io.argosy.client.codec.NewFile;
import io.argosy.client.codec.NpyArray;
import io.argosy.client.codec.StoredFiles;
import io.argosy.v1.GetCapabilitiesRequest;
import io.argosy.v1.GetCapabilitiesResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;

/** Names, aliases, lists and watches, and what is said when something is wrong. */
@ExtendWith(SharedServer.class)
class ClientTest {
    private final ArgosyServer server;
    private final ArgosyClient client;

    ClientTest(ArgosyServer server, ArgosyClient client) {
        this.server = server;
        this.client = client;
    }

    @Test
    void aValueIsFoundByLabelAliasAndId() {
        var first = client.save("found", Map.of("a", 1L), spec -> spec.addAliases("prod").addTags("good"));
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
    void anEmptyAliasIsNotTheLatestVersion() {
        client.save("unlabelled", 1L);
        assertThrows(ArgosyException.InvalidRequest.class, () -> client.load(ArtifactRef.alias("unlabelled", "")));
        assertThrows(ArgosyException.InvalidRequest.class, () -> client.load(ArtifactRef.version("unlabelled", "")));
        assertThrows(ArgosyException.InvalidRequest.class, () -> client.load(ArtifactRef.ofPipeline("unlabelled", "")));
    }

    @Test
    void listsGoOnFromPageToPage() {
        List<String> names = IntStream.range(0, 450).mapToObj(i -> String.format("listed %04d", i)).toList();
        names.forEach(name -> client.save(name, 1L));
        assertEquals(names, client.list("LISTED").map(artifact -> artifact.getName()).toList());
    }

    @Test
    void aWatchGoesOnFromACursor() {
        String cursor;
        try (Watch events = client.watch(request -> request.setName("cursor"))) {
            client.save("cursor", 1L);
            client.save("cursor", 2L);
            events.next();
            cursor = events.cursor();
        }
        try (Watch events = client.watch(request -> request.setName("cursor").setCursor(cursor))) {
            assertEquals("2", events.next().getVersion());
        }
    }

    @Test
    void aWatchThatIsClosedByAnotherThreadEnds() {
        Watch events = client.watch(request -> request.setName("never saved"));
        new Thread(events::close).start();
        assertFalse(events.hasNext());
    }

    @Test
    void serversOfAListTakeOverForEachOther() throws IOException {
        int dead = ArgosyServer.freePort();
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
        int dead = ArgosyServer.freePort();
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
    @Timeout(60)
    void aServerThatTakesConnectionsAndSaysNothingIsToldAfterTheConnectTimeout() throws IOException {
        try (ServerSocket silent = new ServerSocket(0);
                ArgosyClient nowhere = ArgosyClient.builder()
                        .server("grpc://127.0.0.1:" + silent.getLocalPort())
                        .connectTimeout(Duration.ofMillis(300))
                        .unaryDeadline(Duration.ofHours(1))
                        .build()) {
            var error = assertThrows(ArgosyException.Unavailable.class, () -> nowhere.load("a"));
            assertTrue(error.getMessage().contains("within 0.3 s"), error.getMessage());
        }
    }

    @Test
    void whatIsNoArgosyServerIsToldSo() throws IOException {
        HttpServer web = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        web.start();
        try (ArgosyClient wrong = ArgosyClient.builder()
                        .server("grpc://127.0.0.1:" + web.getAddress().getPort())
                        .build();
                PlayedServer foreign = new PlayedServer()) {
            for (Executable call : List.<Executable>of(
                    () -> wrong.load("a"), () -> foreign.connection().capabilities())) {
                var error = assertThrows(ArgosyException.class, call);
                assertTrue(
                        error.getMessage().contains("is no Argosy server; correct ARGOSY_SERVER"), error.getMessage());
            }
        } finally {
            web.stop(0);
        }
    }

    @Test
    void aServerOfAnotherRevisionIsToldAtTheFirstCall() throws IOException {
        var newer = new PlayedServer.Capable() {
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
        try (PlayedServer played = new PlayedServer(newer)) {
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
