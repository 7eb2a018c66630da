"""The Train screen: start a run, watch it live, review it later."""
