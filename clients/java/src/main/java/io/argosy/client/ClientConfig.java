package io.argosy.client;

import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The settings of a client. An argument of the builder wins over the environment, which wins over the default.
 *
 * @param server where the store is ({@code ARGOSY_SERVER})
 * @param project the namespace to work in ({@code ARGOSY_PROJECT}, default {@code default})
 * @param token sent with each call over TLS ({@code ARGOSY_TOKEN}), empty for none
 * @param connectTimeout how long to wait for the first answer ({@code ARGOSY_CONNECT_TIMEOUT} in seconds, default 4)
 * @param unaryDeadline how long a simple call may take ({@code ARGOSY_UNARY_DEADLINE} in seconds, default 30)
 * @param idleTimeout how long a transfer may stand still ({@code ARGOSY_IDLE_TIMEOUT} in seconds, default 60)
 */
record ClientConfig(
        ServerAddress server,
        String project,
        String token,
        Duration connectTimeout,
        Duration unaryDeadline,
        Duration idleTimeout) {
    private static final Pattern PROJECT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

    /**
     * Finds the settings that hold.
     *
     * @param arguments what the builder was given, by the names of the environment variables
     * @throws ArgosyException.InvalidSetting a value is malformed, or no server is named
     */
    static ClientConfig resolve(Map<String, String> arguments, Map<String, String> environment) {
        Settings settings = new Settings(arguments, environment);
        String server = settings.text("ARGOSY_SERVER", "");
        if (server.isEmpty()) {
            throw ArgosyException.invalidSetting(
                    "no server is named: set ARGOSY_SERVER=grpc://host:port, or give server(...) to the builder");
        }
        String project = settings.text("ARGOSY_PROJECT", "default");
        if (!PROJECT.matcher(project).matches()) {
            throw ArgosyException.invalidSetting(
                    settings.source("ARGOSY_PROJECT") + " is \"" + project + "\"; a project is 1 to 64 letters, "
                            + "digits, '.', '_' or '-', and begins with a letter or digit; rename it");
        }
        ServerAddress address = ServerAddress.parse(settings.source("ARGOSY_SERVER"), server);
        String token = settings.text("ARGOSY_TOKEN", "");
        if (!token.isEmpty() && !address.isSecure()) {
            throw ArgosyException.invalidSetting(
                    settings.source("ARGOSY_TOKEN") + " would travel readable to " + address + "; use grpcs://");
        }
        return new ClientConfig(
                address,
                project,
                token,
                settings.seconds("ARGOSY_CONNECT_TIMEOUT", 4),
                settings.seconds("ARGOSY_UNARY_DEADLINE", 30),
                settings.seconds("ARGOSY_IDLE_TIMEOUT", 60));
    }

    private record Settings(Map<String, String> arguments, Map<String, String> environment) {
        String text(String name, String otherwise) {
            String argument = arguments.get(name);
            if (argument != null) {
                return argument.strip();
            }
            String variable = environment.getOrDefault(name, "").strip();
            return variable.isEmpty() ? otherwise : variable;
        }

        String source(String name) {
            return arguments.containsKey(name) ? "the argument for " + name : "environment variable " + name;
        }

        Duration seconds(String name, int otherwise) {
            String text = text(name, Integer.toString(otherwise));
            double seconds;
            try {
                seconds = Double.parseDouble(text);
            } catch (NumberFormatException malformed) {
                seconds = Double.NaN;
            }
            if (!(seconds > 0) || seconds > 1e9) {
                throw ArgosyException.invalidSetting(
                        source(name) + " is \"" + text + "\"; write a number of seconds above 0");
            }
            return Duration.ofNanos((long) (seconds * 1e9));
        }
    }
}
