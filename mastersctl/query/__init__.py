"""Result specs: which masters, in which order, and what of them."""
