package dev.lowrank.kernels;

import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The devices of this machine by name: "cpu", "cuda", or "cuda:1" for the second of a kind. */
public final class Devices {
    private static final Pattern NAME = Pattern.compile("([a-z]+)(?::(\\d{1,3}))?");

    private Devices() {}

    /**
     * Opens a device.
     *
     * @param threads of this machine's processors, where the device uses those
     * @throws DeviceException if there is no such device, or it cannot be used
     */
    public static Kernels open(String name, int threads) {
        Matcher matcher = NAME.matcher(name);
        TreeMap<String, DeviceProvider> kinds = kinds();
        DeviceProvider provider = matcher.matches() ? kinds.get(matcher.group(1)) : null;
        if (provider == null) {
            throw new DeviceException(
                    "There is no device \"%s\"; there are %s, and with a number behind a colon the others of a kind."
                            .formatted(name, String.join(", ", kinds.keySet())));
        }
        int number = matcher.group(2) == null ? 0 : Integer.parseInt(matcher.group(2));
        return provider.open(number, threads);
    }

    private static TreeMap<String, DeviceProvider> kinds() {
        TreeMap<String, DeviceProvider> kinds = new TreeMap<>();
        for (DeviceProvider provider : ServiceLoader.load(DeviceProvider.class, Devices.class.getClassLoader())) {
            kinds.put(provider.kind(), provider);
        }
        return kinds;
    }
}
