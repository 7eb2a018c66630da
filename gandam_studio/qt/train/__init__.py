"""The Train screen: start a run, watch it live, scrub it later."""
