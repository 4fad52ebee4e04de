package dev.lowrank.platform.links;

/**
 * What a link says, as it is written in it.
 *
 * @param expires unix seconds
 * @param keyId number of the key that signed
 */
record LinkFields(String name, String number, String sha256, String expires, String keyId) {}
