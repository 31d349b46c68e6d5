package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.nio.charset.StandardCharsets;

/** Which names of files every store and system can keep; checked before any file is written. */
public final class FileNames {
    private static final int MOST_BYTES = 255;

    private FileNames() {}

    /**
     * Returns a relative path each part of which is a plain name, so that it leads out of no directory.
     *
     * @throws ArgosyException.MalformedContent a part is empty, {@code .} or {@code ..}, too long, or has a backslash or
     *     control character
     */
    public static String checkedPath(String path) {
        for (String name : path.split("/", -1)) {
            if (name.isEmpty() || name.equals(".") || name.equals("..") || !isPlain(name)) {
                throw ArgosyException.malformed(
                        "\"" + path + "\" is no path of plain names of 1 to 255 bytes without backslash and control "
                                + "characters, so nothing is written; rename it where it is saved",
                        null);
            }
        }
        return path;
    }

    /** As {@link #checkedPath}, for a name without directories. */
    public static String checkedName(String name) {
        if (name.contains("/")) {
            throw ArgosyException.malformed("\"" + name + "\" is no name of a file without directories", null);
        }
        return checkedPath(name);
    }

    private static boolean isPlain(String name) {
        return name.getBytes(StandardCharsets.UTF_8).length <= MOST_BYTES
                && !SurrogateText.isLone(name)
                && name.chars().noneMatch(letter -> letter < ' ' || letter == 0x7f || letter == '\\');
    }
}
