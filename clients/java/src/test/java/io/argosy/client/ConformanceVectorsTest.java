package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ConformanceVectorsTest {
    @Test
    void allVectorsOfTheProtocolPass() throws IOException {
        assertTrue(ConformanceVectors.run(Path.of("../../protos/testdata")) >= 350);
    }
}
