package dev.lowrank.engine.bench;

import dev.lowrank.kernels.Kernels;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Kernels that note how long each of their operations takes. Whatever operations there are: a call by reflection costs
 * less than a microsecond, and none computes in less than several.
 */
final class TimedKernels implements InvocationHandler {
    private static final Set<String> UNTIMED = Set.of(
            "device", "multipliesBf16", "freeBytes", "computes", "phantom", "workspace", "pagedWorkspace", "close");
    private static final Object[] NONE = {};

    private final Kernels kernels;
    private final Profile profile;

    private TimedKernels(Kernels kernels, Profile profile) {
        this.kernels = kernels;
        this.profile = profile;
    }

    static Kernels of(Kernels kernels, Profile profile) {
        return (Kernels) Proxy.newProxyInstance(
                Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, new TimedKernels(kernels, profile));
    }

    @Override
    public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] given) throws Throwable {
        Object[] arguments = given == null ? NONE : given;
        boolean timed = method.getDeclaringClass() == Kernels.class && !UNTIMED.contains(method.getName());
        long began = System.nanoTime();
        try {
            return method.invoke(kernels, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        } finally {
            if (timed) {
                long took = System.nanoTime() - began;
                String name = method.getName();
                profile.add(name, Operation.label(name, arguments), took, Operation.products(name, arguments));
            }
        }
    }
}
