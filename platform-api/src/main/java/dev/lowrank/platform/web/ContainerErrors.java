package dev.lowrank.platform.web;

import dev.lowrank.db.PublicId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;

/** Gives the error shape to what Tomcat refuses by itself, such as a request line it cannot read. Made by Tomcat. */
public final class ContainerErrors extends ErrorReportValve {
    private static final String REFUSED = """
            {"error":{"message":"The request cannot be read; check its address and headers.",\
            "type":"invalid_request_error","param":null,"code":"invalid_request"}}""";
    private static final String FAILED = """
            {"error":{"message":"The server failed on this request.",\
            "type":"server_error","param":null,"code":"internal_error"}}""";

    @Override
    protected void report(Request request, Response response, @Nullable Throwable error) {
        if (response.getStatus() < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
            return;
        }
        try {
            response.setHeader("x-request-id", PublicId.next("req_"));
            response.setContentType("application/json");
            String body = response.getStatus() < 500 ? REFUSED : FAILED;
            response.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
            response.finishResponse();
        } catch (IOException e) {
            container.getLogger().debug("The client left before the error was written", e);
        }
    }
}
