package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ClientConfigTest {
    private static final Map<String, String> ENVIRONMENT = Map.of(
            "ARGOSY_SERVER", "grpc://from-environment:1", "ARGOSY_PROJECT", "fraud", "ARGOSY_IDLE_TIMEOUT", "1.5");

    @Test
    void anArgumentWinsOverTheEnvironmentWhichWinsOverTheDefault() {
        ClientConfig config = ClientConfig.resolve(Map.of("ARGOSY_SERVER", "grpcs://given:2"), ENVIRONMENT);
        assertEquals("grpcs://given:2", config.server().toString());
        assertEquals("fraud", config.project());
        assertEquals(Duration.ofMillis(1_500), config.idleTimeout());
        assertEquals(Duration.ofSeconds(30), config.unaryDeadline());
    }

    @Test
    void aMalformedSettingNamesItsSourceAndTheRule() {
        var error = assertThrows(
                ArgosyException.InvalidSetting.class,
                () -> ClientConfig.resolve(
                        Map.of(), Map.of("ARGOSY_SERVER", "grpc://a:1", "ARGOSY_UNARY_DEADLINE", "soon")));
        assertTrue(error.getMessage().contains("environment variable ARGOSY_UNARY_DEADLINE"), error.getMessage());
        assertTrue(error.getMessage().contains("above 0"), error.getMessage());
    }

    @Test
    void withoutAServerTheCureIsTold() {
        var error =
                assertThrows(ArgosyException.InvalidSetting.class, () -> ClientConfig.resolve(Map.of(), Map.of()));
        assertTrue(error.getMessage().contains("ARGOSY_SERVER"), error.getMessage());
    }

    @Test
    void aServerMayBeNamedByAnAddressOfIpv6() {
        for (String server : List.of("grpc://[::1]:1", "grpc://[::1]:1,[::1]:2")) {
            ArgosyClient.builder().server(server).build().close();
        }
    }

    @Test
    void aTokenIsNotSentWithoutTls() {
        var error = assertThrows(
                ArgosyException.InvalidSetting.class,
                () -> ArgosyClient.builder().server("grpc://a:1").token("secret").build());
        assertTrue(error.getMessage().contains("grpcs://"), error.getMessage());
        var fromEnvironment = assertThrows(
                ArgosyException.InvalidSetting.class,
                () -> ClientConfig.resolve(
                        Map.of(), Map.of("ARGOSY_SERVER", "grpc://a:1", "ARGOSY_TOKEN", "secret")));
        String message = fromEnvironment.getMessage();
        assertTrue(message.contains("environment variable ARGOSY_TOKEN") && !message.contains("secret"), message);
    }

    @Test
    void aTokenComesFromTheEnvironmentUnlessItIsGiven() {
        Map<String, String> environment = Map.of("ARGOSY_SERVER", "grpcs://a:1", "ARGOSY_TOKEN", "of the environment");
        assertEquals("of the environment", ClientConfig.resolve(Map.of(), environment).token());
        assertEquals("given", ClientConfig.resolve(Map.of("ARGOSY_TOKEN", "given"), environment).token());
    }
}
