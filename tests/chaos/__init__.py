"""Random commands under random faults on real servers, then healing, then every invariant."""
