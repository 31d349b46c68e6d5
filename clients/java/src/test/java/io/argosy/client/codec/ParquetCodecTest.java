package io.argosy.client.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.argosy.conformance.LocalFiles;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParquetCodecTest {
    private static final Map<String, String> OF_PANDAS = Map.of("argosy", "{}", "ARROW:schema", "AAAA");

    @TempDir
    Path folder;

    private Path table() throws Exception {
        Table plain = Table.builder().column("a", 1L).build();
        ParquetCodec codec = new ParquetCodec();
        Path file = folder.resolve("data.parquet");
        NewFile encoded = codec.encode(new Table(plain.columns(), OF_PANDAS)).get(0);
        try (InputStream content = encoded.content().open(0)) {
            Files.copy(content, file);
        }
        return file;
    }

    @Test
    void whatPandasNeedsIsKeptWhereItSpeaksOfNoOtherFile() throws Exception {
        Table loaded = new ParquetCodec().decode(new LocalFiles(Map.of("data.parquet", table())));
        assertEquals("{}", loaded.metadata().get("argosy"));
    }

    @Test
    void whatSpeaksOfOtherFilesIsLeftOut() throws Exception {
        Path file = table();
        Table loaded = new ParquetCodec()
                .decode(new LocalFiles(Map.of("data.parquet", file, "categories/0.parquet", file)));
        assertFalse(loaded.metadata().containsKey("argosy"));
        assertFalse(loaded.metadata().containsKey("ARROW:schema"), "it repeats what the other says");
    }
}
