//! A Drift that we own: the API, its quirks and its faults, over a world computed from a seed.
