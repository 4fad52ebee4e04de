/** JMH benchmarks of single operations, built and run by the Maven profile {@code jmh} only. */
@NullMarked
package dev.lowrank.kernels.bench;

import org.jspecify.annotations.NullMarked;
