"""The Runs screen: lineage, states, comparison, export."""
