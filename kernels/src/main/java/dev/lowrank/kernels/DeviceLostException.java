package dev.lowrank.kernels;

/** A device failed while it worked. What lay in its memory is lost, and it answers nothing more in this process. */
public final class DeviceLostException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public DeviceLostException(String message) {
        super(message);
    }
}
