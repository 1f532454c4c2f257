"""Generators that grow or have styles, and their critics: PGGAN, StyleGAN, StyleGAN2, StyleGAN3."""
