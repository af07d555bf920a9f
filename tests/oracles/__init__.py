"""Our tree, notes and tiles, held against programs of others that implement the same specifications."""
