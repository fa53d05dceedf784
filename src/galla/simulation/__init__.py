"""A whole shop that lives by a seed: staff, customers, Paytm, network and computer, and all that goes wrong between.

What belongs here is the world around the real service, the model of what it should do, and the invariants that are
asked after every step. The service and the store run as they are; nothing here is used by them, and nothing here
decides anything about money.
"""
