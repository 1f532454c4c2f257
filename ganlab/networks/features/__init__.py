"""Networks by whose features images are compared, with the weights of others."""
