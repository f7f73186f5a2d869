"""What stands in for the outside world: golden models, benches, the Verilated card, the exchange.

Here: what tests, demo and replay run against. Not here: anything that a production host needs.
"""
