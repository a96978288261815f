"""Documents that are made from the code: events, routes, refusals, settings, AsyncAPI and the recorded schemas of messages.

`python -m documents write` makes them (`make documents`), `python -m documents check` says what is not current (`make lint`).
"""
