import contagion as ct


def test_warming_up_takes_time_and_changes_no_result() -> None:
    net, shock = ct.generate.perp_market(n_accounts=300, seed=1), ct.PriceShock({"BTC": -0.3})
    before = ct.run(net, shock, ct.Cascade(step=60.0)).metrics
    assert ct.warmup() > 0.0
    assert ct.run(net, shock, ct.Cascade(step=60.0)).metrics.equals(before)
