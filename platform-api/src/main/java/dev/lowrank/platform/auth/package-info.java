/** API keys: who a request comes from, and the first key of a new installation. */
@NullMarked
package dev.lowrank.platform.auth;

import org.jspecify.annotations.NullMarked;
