package io.argosy.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A server of this repository in a process of its own, with a store of its own. */
final class ArgosyServer implements AutoCloseable {
    private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();

    private final Path store;
    private Process process;
    private String address;

    ArgosyServer() throws IOException {
        store = Files.createTempDirectory("argosy-server-");
        try {
            start("127.0.0.1:0");
        } catch (IOException | RuntimeException failure) {
            TemporaryDirectories.remove(store);
            throw failure;
        }
    }

    /** Starts it; {@code ARGOSY_SERVER_COMMAND} names another program than that of the repository's environment. */
    private void start(String listen) throws IOException {
        String command = System.getenv().getOrDefault(
                "ARGOSY_SERVER_COMMAND", ROOT.resolve(".venv/bin/argosy-server").toString());
        process = new ProcessBuilder(
                        command, "serve", "--listen", listen, "--data", store.toString(), "--durability=process")
                .redirectErrorStream(true)
                .start();
        var output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        StringBuilder said = new StringBuilder();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            said.append(line).append('\n');
            int at = line.indexOf("grpc://");
            if (at >= 0) {
                address = line.substring(at).split("\\s")[0];
                drain(output);
                return;
            }
        }
        throw new IllegalStateException("the server did not start: " + said);
    }

    /** A server that logs must not stand still because nobody reads. */
    private static void drain(BufferedReader output) {
        Thread reader = new Thread(() -> output.lines().forEach(line -> {}));
        reader.setDaemon(true);
        reader.start();
    }

    String address() {
        return address;
    }

    int port() {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    }

    /** Returns a port nobody listens on. */
    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    ArgosyClient client() {
        return ArgosyClient.builder().server(address).build();
    }

    /** Kills it with SIGKILL and starts another one on the same store and port. */
    void killAndStart() {
        try {
            kill();
            start(address.substring("grpc://".length()));
        } catch (IOException | InterruptedException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private void kill() throws InterruptedException {
        process.destroyForcibly();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the server does not die");
        }
    }

    @Override
    public void close() throws IOException, InterruptedException {
        kill();
        TemporaryDirectories.remove(store);
    }
}
