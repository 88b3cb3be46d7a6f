"""Parts of HTML that pages and fragments are made of: escaping, colours and style, texts with marks in them."""
