package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code loop} inside a {@code for}: where it is; looks one element ahead only when asked what comes next. */
final class LoopState {
    private final Run run;
    private final @Nullable Recursion recursion;
    private final long depth;
    private Iterator<Object> items;
    private long length;
    private long index = -1;
    private @Nullable Object previous;
    private @Nullable Object current;
    private @Nullable Object ahead;
    private @Nullable Object lastChanged;

    /**
     * @param length number of elements, or -1 when only counting tells
     * @param recursion renders the loop again over what is passed; null where the template does not allow it
     */
    LoopState(Iterator<Object> items, long length, long depth, @Nullable Recursion recursion, Run run) {
        this.items = items;
        this.length = length;
        this.depth = depth;
        this.recursion = recursion;
        this.run = run;
    }

    /** The next element, or null at the end. */
    @Nullable
    Object next() {
        Object item = peek();
        ahead = null;
        if (item != null) {
            index++;
            previous = current;
            current = item;
        }
        return item;
    }

    private @Nullable Object peek() {
        if (ahead == null && items.hasNext()) {
            ahead = items.next();
        }
        return ahead;
    }

    private long length() {
        if (length < 0) {
            List<Object> rest = new ArrayList<>();
            while (items.hasNext()) {
                run.elements(1);
                rest.add(items.next());
            }
            items = rest.iterator();
            length = rest.size() + index + 1 + (ahead == null ? 0 : 1);
        }
        return length;
    }

    /** An attribute, or null when there is none of that name. */
    @Nullable
    Object get(String name) {
        return switch (name) {
            case "index" -> index + 1;
            case "index0" -> index;
            case "revindex" -> length() - index;
            case "revindex0" -> length() - index - 1;
            case "first" -> index == 0;
            case "last" -> peek() == null;
            case "length" -> length();
            case "depth" -> depth + 1;
            case "depth0" -> depth;
            case "previtem" -> previous != null ? previous : new Undefined("there is no previous item");
            case "nextitem" -> nextItem();
            case "cycle" -> (Callable) this::cycle;
            case "changed" -> (Callable) this::changed;
            default -> null;
        };
    }

    private Object nextItem() {
        Object item = peek();
        return item != null ? item : new Undefined("there is no next item");
    }

    private Object cycle(Arguments arguments, Run at) {
        List<Object> choices = arguments.positional();
        if (choices.isEmpty()) {
            throw at.fail("loop.cycle() needs at least one value.");
        }
        return choices.get((int) (index % choices.size()));
    }

    private Object changed(Arguments arguments, Run at) {
        Object value = Tuple.copyOf(arguments.positional());
        boolean same = lastChanged != null && Operators.same(lastChanged, value, at);
        lastChanged = value;
        return !same;
    }

    /** {@code loop(items)}: the same loop over what is inside an element. */
    Object recurse(Arguments arguments, Run at) {
        if (recursion == null) {
            throw at.fail("loop() is called, but the loop is not marked \"recursive\"; add the word after its list.");
        }
        return recursion.render(arguments.bind(at, "loop()", "items").required("items"), depth + 1);
    }

    /** Renders a loop again, one level deeper. */
    @FunctionalInterface
    interface Recursion {
        String render(Object items, long depth);
    }
}
