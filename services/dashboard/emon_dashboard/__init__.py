"""The dashboard: pages for people in a browser. It keeps nothing, and knows what the gateway's API answers alone."""
