/** Who asks: API keys, the security filter chains, and the first key. */
@NullMarked
package dev.lowrank.platform.auth;

import org.jspecify.annotations.NullMarked;
