package dev.lowrank.kernels;

/**
 * Kernels on which the very code that trains can be run to find out what it takes. Nothing is computed: what is downloaded
 * is zero, and so are sums. The tensors of their workspaces have places but no memory, and to touch them is an error;
 * {@link Workspace#peak()} is exactly what real ones would have held.
 *
 * <p>Here an operation takes from a scratch workspace of its caller what it would take there, too.
 */
public interface PhantomKernels extends Kernels {
    /** What the device would keep for its own use after all calls so far: packed matrices, blocks of attention. */
    long ownBytes();

    /**
     * The most that all workspaces together have held at any time; what a workspace has held it keeps until it is closed.
     * Paged ones do not count.
     */
    long peakBytes();
}
