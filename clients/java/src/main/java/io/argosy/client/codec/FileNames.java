package io.argosy.client.codec;

import com.google.common.collect.Iterables;
import io.argosy.client.ArgosyException;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** Which names of files every store and system can keep; checked before any file is written. */
public final class FileNames {
    private static final int MOST_BYTES = 255;
    private static final String ENCODING = System.getProperty("sun.jnu.encoding");
    /** What Windows takes for a drive, a stream, a device or another name, and what it cannot keep. */
    private static final Pattern NOT_ON_WINDOWS = Pattern.compile(
            "[<>:\"|?*]|[. ]$|^(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]|con(in|out)\\$) *(\\.|$)",
            Pattern.CASE_INSENSITIVE);

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
            if (File.separatorChar == '\\' && !isOfWindows(name)) {
                throw ArgosyException.malformed(
                        "\"" + path + "\" has a part that is no name of a file on Windows, so nothing is written; "
                                + "rename it where it is saved, or read it on another system",
                        null);
            }
        }
        return path;
    }

    /**
     * Returns a path of the file system as a relative path of a version.
     *
     * @throws ArgosyException.MalformedContent its bytes are no text here, so that it would be saved under another name
     */
    static String checkedText(Path path) {
        String text = path.toString();
        try {
            if (path.getFileSystem().getPath(text).equals(path)) {
                return checkedPath(text.replace(File.separatorChar, '/'));
            }
        } catch (InvalidPathException otherEncoding) {
            // Told below.
        }
        throw ArgosyException.malformed(
                "the name of \"" + path + "\" is no text in " + ENCODING + ", the encoding Java has for names of files here; "
                        + "rename it, or run Java with LC_ALL=C.UTF-8",
                null);
    }

    /**
     * Returns the place of a path of a version below a directory.
     *
     * @throws ArgosyException.MalformedContent Java has no such name in the encoding of this system
     */
    public static Path place(Path directory, String path) {
        try {
            return directory.resolve(path);
        } catch (InvalidPathException otherEncoding) {
            throw ArgosyException.malformed(
                    "\"" + path + "\" cannot be said in " + ENCODING + ", the encoding Java has for names of files here, so "
                            + "nothing is written; run Java with LC_ALL=C.UTF-8",
                    otherEncoding);
        }
    }

    /**
     * Checks paths that shall be made together: each is one, and no file is where another path needs a directory.
     *
     * @throws ArgosyException.MalformedContent one is not
     */
    public static void checkTree(Collection<String> files, Collection<String> directories) {
        Set<String> taken = Set.copyOf(files);
        for (String path : Iterables.concat(files, directories)) {
            checkedPath(path);
            for (int end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
                refuse(taken, path.substring(0, end), path);
            }
        }
        directories.forEach(path -> refuse(taken, path, path));
    }

    private static void refuse(Set<String> files, String directory, String path) {
        if (files.contains(directory)) {
            throw ArgosyException.malformed(
                    "the version has \"" + directory + "\" as a file and as a directory (of \"" + path
                            + "\"), so nothing is written; save it again by a client of Argosy",
                    null);
        }
    }

    /** As {@link #checkedPath}, for a name without directories. */
    public static String checkedName(String name) {
        if (name.contains("/")) {
            throw ArgosyException.malformed("\"" + name + "\" is no name of a file without directories", null);
        }
        return checkedPath(name);
    }

    /**
     * Returns the name of the one file that a version of format {@code file} has.
     *
     * @throws ArgosyException.MalformedContent it has none or several, or no plain name
     */
    public static String checkedOnly(List<String> paths) {
        if (paths.size() != 1) {
            throw ArgosyException.malformed(
                    "format 'file' is exactly one file, but the version has " + paths.size()
                            + "; save it again from a path",
                    null);
        }
        return checkedName(paths.get(0));
    }

    static boolean isOfWindows(String name) {
        return !NOT_ON_WINDOWS.matcher(name).find();
    }

    private static boolean isPlain(String name) {
        return name.getBytes(StandardCharsets.UTF_8).length <= MOST_BYTES
                && isUnicode(name)
                && name.chars().noneMatch(letter -> letter < ' ' || letter == 0x7f || letter == '\\');
    }

    /** Tells whether UTF-8 can say text: no surrogate is without its other half. */
    static boolean isUnicode(String text) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }
}
