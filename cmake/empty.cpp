// Nothing: for targets whose sources are all found by pattern, and for the one that only makes the precompiled header.
