"""The Duplicates screen: groups as cards, two pictures compared pixel by pixel, decisions by key or by rule."""
