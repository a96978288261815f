"""Lists of people from spreadsheets: columns matched, a preview, and then taken step by step."""
