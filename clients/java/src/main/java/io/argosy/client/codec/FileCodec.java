package io.argosy.client.codec;

import io.argosy.client.ByteSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Format {@code file}: one file under its own name. Loaded, it lies in a directory that goes with the client. */
final class FileCodec implements Codec<Path> {
    @Override
    public String format() {
        return "file";
    }

    @Override
    public List<NewFile> encode(Path value) {
        try {
            String name = FileNames.checkedText(value.toAbsolutePath().normalize().getFileName());
            return List.of(new NewFile(name, ByteSource.of(value)));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    @Override
    public Path decode(StoredFiles files) {
        String name = FileNames.checkedOnly(files.paths());
        Path target = FileNames.place(files.temporaryDirectory(), name);
        files.copy(Map.of(name, target));
        return target;
    }
}
