package io.argosy.client;

import java.io.IOException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives tests an {@link ArgosyServer} or a client of it, started once for all classes and stopped after the last. */
final class SharedServer implements ParameterResolver {
    private record Running(ArgosyServer server, ArgosyClient client) implements AutoCloseable {
        static Running start() {
            try {
                ArgosyServer server = new ArgosyServer();
                return new Running(server, server.client());
            } catch (IOException broken) {
                throw new IllegalStateException(broken);
            }
        }

        @Override
        public void close() throws Exception {
            client.close();
            server.close();
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return type == ArgosyServer.class || type == ArgosyClient.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Running running = context.getRoot()
                .getStore(ExtensionContext.Namespace.GLOBAL)
                .computeIfAbsent(Running.class, key -> Running.start(), Running.class);
        return parameter.getParameter().getType() == ArgosyServer.class ? running.server() : running.client();
    }
}
