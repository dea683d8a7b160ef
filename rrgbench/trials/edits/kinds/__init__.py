"""One kind of edit a file; the entry points of the group `rrgbench.edits` name them."""
