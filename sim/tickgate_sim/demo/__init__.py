"""The whole machine on one laptop: exchange, card, engine, console and three trading clients.

Here: starting, watching and stopping the processes, and judging the run. Not here: any part of the
machine itself; the demo uses the programs that a user would start by hand.
"""
