"""What a diagnosis says, for people: the verdict, four cards, and the pictures behind them."""
