/** Download links that carry their own permission: signed, bound to a digest, expiring. */
@NullMarked
package dev.lowrank.platform.links;

import org.jspecify.annotations.NullMarked;
