package io.argosy.client.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class FileNamesTest {
    @Test
    void whatOnlyWindowsHasNoFileForIsRefusedThereAlone() {
        var strange = List.of("C:x", "a:b", "CON", "nul.txt", "com1", "LPT9.log", "a.", "a ", "what?", "conin$");
        assertEquals(List.of(), strange.stream().filter(FileNames::isOfWindows).toList());
        if (java.io.File.separatorChar == '/') {
            strange.forEach(FileNames::checkedPath);
        }
        var plain = List.of("console", "a.b", ".hidden", "nullable.txt", "com10", "e con");
        assertEquals(plain, plain.stream().filter(FileNames::isOfWindows).toList());
    }
}
