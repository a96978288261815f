"""How pages are made: texts of the visitor's language, dates as people write them, forms that keep what was typed."""
