"""Who owes, holds and posts what to whom: the tables of a network."""
