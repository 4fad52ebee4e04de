package dev.lowrank.local;

import java.io.IOException;
import java.net.ServerSocket;

/** TCP ports of this machine. */
final class Ports {
    private Ports() {}

    static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port)) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    /** The wished one, or any free one if it is taken. */
    static int freeNear(int wished) {
        return isFree(wished) ? wished : free();
    }

    /** Any free one. */
    static int free() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new Problem("No TCP port is free on this machine.", e);
        }
    }
}
