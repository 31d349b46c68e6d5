package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;

/** Ends TLS in front of a server, as gateways do, by a new certificate for localhost, and keeps what clients send. */
final class TlsGateway implements AutoCloseable {
    private static final String PASSWORD = "only of this test";

    private final Path certificate;
    private final SSLServerSocket socket;
    private final int server;
    private final ByteArrayOutputStream sent = new ByteArrayOutputStream();

    TlsGateway(Path folder, int server) throws IOException, GeneralSecurityException, InterruptedException {
        this.server = server;
        certificate = folder.resolve("certificate.pem");
        Path store = folder.resolve("keys.p12");
        keytool(store, "-genkeypair", "-keyalg", "EC", "-dname", "CN=gateway", "-ext", "san=dns:localhost");
        keytool(store, "-exportcert", "-rfc", "-file", certificate.toString());
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(KeyStore.getInstance(store.toFile(), PASSWORD.toCharArray()), PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        socket = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(new String[] {"h2"});
        socket.setSSLParameters(parameters);
        begin(this::serve);
    }

    private static void keytool(Path store, String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/keytool"));
        command.addAll(List.of(words));
        command.addAll(List.of("-alias", "gateway", "-keystore", store.toString(), "-storepass", PASSWORD));
        Process made = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(made.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, made.waitFor(), said);
    }

    Path certificate() {
        return certificate;
    }

    int port() {
        return socket.getLocalPort();
    }

    /** Returns what clients have sent; HTTP/2 leaves short headers readable. */
    String sent() {
        synchronized (sent) {
            return sent.toString(StandardCharsets.ISO_8859_1);
        }
    }

    private static void begin(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
    }

    private void serve() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                Socket upstream = new Socket("127.0.0.1", server);
                begin(() -> pipe(client, upstream, sent));
                begin(() -> pipe(upstream, client, OutputStream.nullOutputStream()));
            } catch (IOException closed) {
                return;
            }
        }
    }

    /** Brings bytes from one to the other until either is closed, as by a client that does not trust the gateway. */
    private static void pipe(Socket from, Socket to, OutputStream copy) {
        try (from; to; InputStream in = from.getInputStream()) {
            byte[] piece = new byte[16 << 10];
            for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
                synchronized (copy) {
                    copy.write(piece, 0, count);
                }
                to.getOutputStream().write(piece, 0, count);
            }
        } catch (IOException closed) {
            // The other direction hears of it, too.
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
