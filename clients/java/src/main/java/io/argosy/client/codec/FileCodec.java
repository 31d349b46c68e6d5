package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
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
            String name = FileNames.checkedName(value.toAbsolutePath().normalize().getFileName().toString());
            return List.of(new NewFile(name, ByteSource.of(value)));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    @Override
    public Path decode(StoredFiles files) {
        if (files.paths().size() != 1) {
            throw ArgosyException.malformed(
                    "format 'file' is exactly one file, but the version has " + files.paths().size()
                            + "; save it again from a path",
                    null);
        }
        String name = FileNames.checkedName(files.paths().get(0));
        Path target = files.temporaryDirectory().resolve(name);
        files.copy(Map.of(name, target));
        return target;
    }
}
