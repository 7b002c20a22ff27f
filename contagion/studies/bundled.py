"""The study of the command line: five policy sets on the bundled network, written as any study is."""

from typing import Final

__all__ = ["BUNDLED"]

BUNDLED: Final = """\
[network]
dataset = "perp-venues"
networks = 4

[shock]
kind = "student_t"
df = 4.0
scale = 0.06

[model]
kind = "Cascade"
step = 60.0
horizon = 7200.0

[[policy_set]]
name = "halt"
policies = [{ kind = "Halt", drop = 0.10, window = 300.0, length = 300.0 }]

[[policy_set]]
name = "margin"
policies = [{ kind = "MarginMultiplier", factor = 1.5, response = "utilisation" }]

[[policy_set]]
name = "margin, violators only"
policies = [{ kind = "MarginMultiplier", factor = 1.5, response = "violators" }]

[[policy_set]]
name = "partial liquidation"
policies = [{ kind = "PartialLiquidation" }]

[[policy_set]]
name = "double fund"
policies = [{ kind = "InsuranceFund", factor = 2.0 }]

[study]
n = 500
seed = 0
level = 0.95
n_jobs = -1
"""
