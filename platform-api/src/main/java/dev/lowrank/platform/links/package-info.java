/** Signed, expiring download links to adapter versions. */
@NullMarked
package dev.lowrank.platform.links;

import org.jspecify.annotations.NullMarked;
