package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.PhantomKernels;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.memory.StackedWorkspace;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The CUDA kernels without memory and without work: the very same, on a {@link PhantomDriver}, so that what an operation takes is
 * what it takes.
 */
final class CudaPhantom implements InvocationHandler {
    private final Driver like;
    private final CudaKernels kernels;
    private final List<StackedWorkspace> open = new ArrayList<>();
    private long peak;

    private CudaPhantom(Driver like) {
        this.like = like;
        kernels = new CudaKernels(new PhantomDriver(like));
    }

    static PhantomKernels of(Driver like) {
        return (PhantomKernels) Proxy.newProxyInstance(
                PhantomKernels.class.getClassLoader(), new Class<?>[] {PhantomKernels.class}, new CudaPhantom(like));
    }

    @Override
    public @Nullable Object invoke(Object proxy, Method method, @Nullable Object @Nullable [] arguments)
            throws Throwable {
        return switch (method.getName()) {
            case "computes" -> false;
            case "phantom" -> of(like);
            case "workspace" -> workspace();
            case "ownBytes" -> kernels.ownBytes();
            case "peakBytes" -> peakBytes();
            case "allFinite" -> true;
            case "sumOfSquares" -> 0.0;
            case "equals" -> arguments != null && proxy == arguments[0];
            case "hashCode" -> System.identityHashCode(proxy);
            case "toString" -> "phantom of " + like.name();
            default -> passOn(method, arguments);
        };
    }

    private @Nullable Object passOn(Method method, @Nullable Object @Nullable [] arguments) throws Throwable {
        try {
            return method.invoke(kernels, arguments);
        } catch (InvocationTargetException e) {
            throw e.getTargetException();
        }
    }

    private Workspace workspace() {
        StackedWorkspace workspace = kernels.watchedWorkspace(this::closing);
        open.add(workspace);
        return workspace;
    }

    /** Until one is closed their sum can only rise. */
    private void closing(StackedWorkspace workspace) {
        peak = peakBytes();
        open.remove(workspace);
    }

    private long peakBytes() {
        return Math.max(peak, open.stream().mapToLong(StackedWorkspace::peak).sum());
    }
}
