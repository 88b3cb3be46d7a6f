"""Numbers from gold and predicted objects. numpy only."""
