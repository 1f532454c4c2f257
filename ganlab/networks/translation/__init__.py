"""Networks that translate pictures, as the codes of pix2pix and CycleGAN have them."""
