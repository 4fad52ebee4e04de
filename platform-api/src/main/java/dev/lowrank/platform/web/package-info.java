/** What every answer has in common: the error shape, request ids and lists of the OpenAI contract. */
@NullMarked
package dev.lowrank.platform.web;

import org.jspecify.annotations.NullMarked;
