package io.argosy.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the servers of one store listen.
 *
 * @param isSecure whether TLS is spoken
 * @param hosts {@code host:port} of each; several take turns
 */
record ServerAddress(boolean isSecure, List<String> hosts) {
    private static final String FORMS = "write grpc://host:port, grpcs://host:port or grpc://host:port,host:port";

    private static final Pattern HOST =
            Pattern.compile("(\\[[0-9A-Fa-f:.]+]|[^\\s:/?#@\\[\\]]+):([0-9]{1,5})/?");

    ServerAddress {
        hosts = List.copyOf(hosts);
    }

    /**
     * Parses what {@code ARGOSY_SERVER} may say.
     *
     * @throws ArgosyException.InvalidSetting it is malformed; the message tells the rule
     */
    static ServerAddress parse(String source, String text) {
        String trimmed = text.strip();
        int mark = trimmed.indexOf("://");
        String scheme = mark < 0 ? "" : trimmed.substring(0, mark).toLowerCase(Locale.ROOT);
        if (scheme.equals("embedded") || scheme.equals("unix")) {
            throw malformed(source, text, "the Java client speaks to servers in a network; " + FORMS);
        }
        if (!scheme.equals("grpc") && !scheme.equals("grpcs")) {
            throw malformed(source, text, FORMS);
        }
        List<String> hosts = new ArrayList<>();
        for (String entry : trimmed.substring(mark + 3).split(",", -1)) {
            String host = entry.strip();
            if (host.startsWith(scheme + "://")) {
                host = host.substring(scheme.length() + 3);
            }
            String checked = checkHost(source, text, host);
            if (hosts.contains(checked)) {
                throw malformed(source, text, "it names " + checked + " twice; name each server once");
            }
            hosts.add(checked);
        }
        return new ServerAddress(scheme.equals("grpcs"), hosts);
    }

    private static String checkHost(String source, String text, String host) {
        Matcher parts = HOST.matcher(host);
        if (!parts.matches()) {
            throw malformed(source, text, FORMS);
        }
        int port = Integer.parseInt(parts.group(2));
        if (port < 1 || port > 65_535) {
            throw malformed(source, text, "a port is a number from 1 to 65535; " + FORMS);
        }
        return parts.group(1) + ":" + port;
    }

    private static ArgosyException malformed(String source, String text, String rule) {
        return ArgosyException.invalidSetting(source + " is \"" + text + "\"; " + rule);
    }

    @Override
    public String toString() {
        return (isSecure ? "grpcs://" : "grpc://") + String.join(",", hosts);
    }
}
