"""Style-based generators and their critics: StyleGAN2."""
