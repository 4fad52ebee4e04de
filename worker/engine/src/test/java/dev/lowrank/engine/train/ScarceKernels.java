package dev.lowrank.engine.train;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** Kernels whose workspaces reserve no more than a number of bytes. */
record ScarceKernels(Object real, long most) implements InvocationHandler {
    static Kernels of(Kernels real, long most) {
        return proxy(Kernels.class, real, most);
    }

    private static <T> T proxy(Class<T> type, T real, long most) {
        return type.cast(
                Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, new ScarceKernels(real, most)));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        if (method.getName().equals("reserve") && (long) arguments[0] > most) {
            throw new OutOfMemoryError("more than " + most);
        }
        try {
            Object result = method.invoke(real, arguments);
            return method.getName().equals("workspace") ? proxy(Workspace.class, (Workspace) result, most) : result;
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
