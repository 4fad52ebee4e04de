package dev.lowrank.engine.template;

/** Text that counts as escaped, made by {@code safe} and {@code escape}; plain text added to it is escaped. */
record Markup(String text) {
    static Markup escaped(String plain) {
        return new Markup(escape(plain));
    }

    private static String escape(String plain) {
        return plain.replace("&", "&amp;")
                .replace(">", "&gt;")
                .replace("<", "&lt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }
}
