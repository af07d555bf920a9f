"""The retail demonstration: real order lines, made-up people, and the workspace around them."""
