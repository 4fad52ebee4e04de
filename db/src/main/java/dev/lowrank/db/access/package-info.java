/** Who may do what: organizations, projects and their API keys. */
@NullMarked
package dev.lowrank.db.access;

import org.jspecify.annotations.NullMarked;
