"""Learning on the device: rules, numerics and the doors to the engines that compute features."""
