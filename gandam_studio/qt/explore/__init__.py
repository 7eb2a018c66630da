"""The Explore screen: steering a trained model."""
