"""Arrays of numpy in npy files, sparse ones of scipy, and rows of both that are read by themselves."""
