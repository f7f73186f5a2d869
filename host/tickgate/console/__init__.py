"""The console: pages and REST API for risk officers and traders, in a process of its own.

Here: log-in, roles, pages, the API, and the client of the engine's command channel. Not here:
any decision about an order; the console reads what the engine publishes and asks, the engine
decides and journals.
Needs the extra ``console`` (FastAPI, NiceGUI); the rest of the host imports without it.
"""
