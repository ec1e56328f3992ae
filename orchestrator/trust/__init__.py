"""Signed backbones: metadata that publishers and the server sign, kept, checked and given out."""
