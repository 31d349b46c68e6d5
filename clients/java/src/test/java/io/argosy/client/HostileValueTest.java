package io.argosy.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import io.argosy.client.codec.NpyArray;
import io.argosy.client.codec.Tagged;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that somebody made to hurt a reader are refused like any other, at once: they took it minutes, or its stack. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileValueTest {
    private static final int MEBIBYTE = 1 << 20;

    private static Object loaded(String format, String file, ByteString content) throws IOException {
        try (PlayedVersion played = PlayedVersion.of(format, content, file)) {
            return played.client().load("hostile");
        }
    }

    private static void assertRefused(String format, String file, ByteString content) {
        assertThrows(ArgosyException.class, () -> loaded(format, file, content));
    }

    private static ByteString npy(String header) {
        ByteBuffer file = ByteBuffer.allocate(12 + header.length()).order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0}).putInt(header.length());
        return ByteString.copyFrom(file.put(header.getBytes(ISO_8859_1)).flip());
    }

    private static String described(String dtype, String shape) {
        return "{'descr': '" + dtype + "', 'fortran_order': False, 'shape': (" + shape + "), }";
    }

    static List<String> headers() {
        return List.of(
                described("|u1", "1, ".repeat(20_000)),
                "{'descr': '|u1', 'fortran_order': False, 'shape': (" + " ".repeat(MEBIBYTE - 100) + "}",
                described("<U999999999", "0,"),
                described("<f99999999999", "0,"),
                described("<i3", "0,"));
    }

    @ParameterizedTest
    @MethodSource("headers")
    void aHeaderOfNpy(String header) {
        assertRefused("npy", "data.npy", npy(header));
    }

    @Test
    void elementsWithoutBytesAreNotCounted() throws IOException {
        NpyArray array = (NpyArray) loaded("npy", "data.npy", npy(described("|S0", "2147483647,")));
        assertThrows(ArgosyException.UnsupportedFormat.class, array::toDoubles);
        assertThrows(ArgosyException.UnsupportedFormat.class, array::toLongs);
        assertEquals(array, array.normalized());
    }

    @Test
    void aNumberOfAMillionDigits() throws IOException {
        String digits = "9".repeat(1_000_000);
        assertRefused("json", "data.json", ByteString.copyFromUtf8("{\"$int\":\"" + digits + "\"}"));
        Object number = loaded("json", "data.json", ByteString.copyFromUtf8("{\"$int\":\"-0x" + digits + "\"}"));
        assertEquals("-" + digits, ((BigInteger) number).toString(16));
        Object decimal = loaded("json", "data.json", ByteString.copyFromUtf8("{\"$decimal\":\"" + digits + "\"}"));
        assertEquals(new Tagged("$decimal", digits), decimal);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{\"$date\":\"+10000-01-01\"}",
        "{\"$date\":\"0000-01-01\"}",
        "{\"$datetime\":\"0000-01-01T00:00:00\"}",
        "{\"$set\":[{\"$float\":\"nan\"},{\"$float\":\"nan\"}]}",
        "{\"$dict\":[[{\"$float\":\"nan\"},1],[{\"$float\":\"nan\"},2]]}",
    })
    void whatPythonOrJavaHasNot(String document) {
        assertRefused("json", "data.json", ByteString.copyFromUtf8(document));
    }
}
