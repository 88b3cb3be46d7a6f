"""What a run did, as one page of HTML: tables and curves."""
