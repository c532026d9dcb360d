"""The read simulation of the font benchmark: faces, distortions, a reader."""
