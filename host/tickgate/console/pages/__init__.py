"""The pages, one module each, and what they share (frame, tables).

Here: what a person sees. Not here: authorisation (``service``), log-in (``login_page``),
anything that talks to the engine directly (``live``, ``service``).
"""
