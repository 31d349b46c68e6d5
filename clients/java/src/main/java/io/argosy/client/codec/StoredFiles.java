package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The files of a version, or of a part of one. Whatever they hand out whole has been verified. */
public interface StoredFiles {
    /** Returns the paths, sorted. */
    List<String> paths();

    /**
     * Returns the bytes of a file, verified.
     *
     * @throws ArgosyException.MalformedContent there is no such file, or it has more bytes than an array
     * @throws ArgosyException it cannot be read, or is damaged
     */
    byte[] read(String path);

    /**
     * Opens a file. What is read before the end is not verified yet: the end comes as an exception, an
     * {@link java.io.IOException}, when the bytes are not what was saved.
     */
    InputStream open(String path);

    /**
     * Writes files, verified, to places of the file system; missing directories are made.
     *
     * @param targets where each file goes, by its path
     * @throws ArgosyException one cannot be read, or is damaged; what was written must not be used
     * @throws java.io.UncheckedIOException one cannot be written
     */
    void copy(Map<String, Path> targets);

    /** Returns the files below a folder, whose paths are relative to it. */
    StoredFiles child(String folder);

    /** Returns a new directory, which is removed when the client is closed. */
    Path temporaryDirectory();

    /**
     * Returns the one file a format has.
     *
     * @throws ArgosyException.MalformedContent there is none of that name
     */
    default byte[] readOnly(String format, String path) {
        if (!paths().contains(path)) {
            throw ArgosyException.malformed(
                    "format '" + format + "' is a file " + path + ", but the version has " + paths()
                            + "; save it again by the codec of its format",
                    null);
        }
        return read(path);
    }
}
