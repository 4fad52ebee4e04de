/** What all endpoints share: the shape of errors and lists, cursors, the request id. */
@NullMarked
package dev.lowrank.platform.contract;

import org.jspecify.annotations.NullMarked;
