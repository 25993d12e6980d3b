"""What good means: figures from a prediction and its truth.  numpy, scipy and OpenCV only.

Every function takes `valid`, a bool mask of the pixels to count (None: all).  A figure without a single pixel to count
is NaN: neither 0 nor 1 would be true.
"""
