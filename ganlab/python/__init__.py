"""ganlab from Python and from notebooks; `import ganlab` has its names."""
