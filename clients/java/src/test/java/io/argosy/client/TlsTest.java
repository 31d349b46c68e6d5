package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A server behind TLS, with a certificate that nobody trusts who was not told to. */
@ExtendWith(SharedServer.class)
class TlsTest {
    @TempDir
    static Path folder;

    private static TlsGateway gateway;

    @BeforeAll
    static void start(ArgosyServer server) throws Exception {
        gateway = new TlsGateway(folder, server.port());
    }

    @AfterAll
    static void stop() throws IOException {
        gateway.close();
    }

    private static ArgosyClientBuilder builder(String host) {
        return ArgosyClient.builder().server("grpcs://" + host + ":" + gateway.port());
    }

    @Test
    void aServerThatIsTrustedIsSpokenToAndSentTheToken() {
        try (ArgosyClient client = builder("localhost")
                .trustedCertificates(gateway.certificate())
                .token("t0k3n")
                .build()) {
            client.save("over TLS", "hello");
            assertEquals("hello", client.load("over TLS"));
        }
        assertTrue(gateway.sent().contains("Bearer t0k3n"), "no token was sent");
    }

    @Test
    void eachServerOfAListIsVerifiedByItsOwnName() throws IOException {
        try (ArgosyClient client = builder("localhost:" + ArgosyServer.freePort() + ",localhost")
                .trustedCertificates(gateway.certificate())
                .build()) {
            assertEquals(0, client.list("nothing like this").count());
        }
    }

    @Test
    void aCertificateForAnotherNameIsRefused() {
        assertRefused(builder("127.0.0.1").trustedCertificates(gateway.certificate()), "127.0.0.1");
        assertRefused(builder("127.0.0.1:1,127.0.0.1").trustedCertificates(gateway.certificate()), "127.0.0.1");
    }

    @Test
    void aCertificateThatNobodyVouchesForIsRefused() {
        assertRefused(builder("localhost"), "certification path");
    }

    private static void assertRefused(ArgosyClientBuilder builder, String why) {
        try (ArgosyClient client = builder.connectTimeout(Duration.ofSeconds(2)).build()) {
            var refused = assertThrows(ArgosyException.Unavailable.class, () -> client.save("never", 1L));
            assertTrue(refused.getMessage().contains(why), refused.getMessage());
        }
    }

    @Test
    void certificatesThatAreNoneAreRefusedAtOnce() throws IOException {
        Path junk = Files.writeString(folder.resolve("junk.pem"), "junk");
        ArgosyClientBuilder builder = builder("localhost").trustedCertificates(junk);
        var refused = assertThrows(ArgosyException.InvalidSetting.class, builder::build);
        assertTrue(refused.getMessage().contains("junk.pem"), refused.getMessage());
    }
}
