package dev.lowrank.platform.contract;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;

/** Gives the contract's error shape to what Tomcat refuses by itself, such as a request line it cannot read. */
public final class ContainerErrorValve extends ErrorReportValve {
    private static final String BODY = """
            {"error":{"message":"%s","type":"%s","param":null,"code":%s}}""";

    @Override
    protected void report(Request request, Response response, @Nullable Throwable error) {
        if (response.getStatus() < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
            return;
        }
        boolean ours = response.getStatus() >= 500;
        String body = BODY.formatted(
                ours ? "The server had an error." : "The request cannot be read: check its address and headers.",
                ours ? "server_error" : ErrorBody.INVALID_REQUEST,
                ours ? "null" : "\"invalid_request\"");
        try {
            response.setHeader(RequestIdFilter.HEADER, RequestIdFilter.next());
            response.setContentType("application/json");
            response.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
            response.finishResponse();
        } catch (IOException e) {
            container.getLogger().debug("The client left before the error was written", e);
        }
    }
}
