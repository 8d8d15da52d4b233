// Nothing: this file exists so that a target can make the precompiled header of the tensor sources.
