"""The picture of through whom losses travelled, on the creditors of June 2022."""

import matplotlib.pyplot as plt
from matplotlib.text import Annotation

import contagion as ct


def test_creditors_that_fail_at_once_with_their_debtor_stand_to_its_right():
    net = ct.generate.crypto_system(100, parent_support=0)
    model = ct.Cascade(step=86_400, horizon=14 * 86_400)
    run = ct.run(net, ct.datasets.scenario("june-2022"), model, seed=7)
    at = run.nodes["failed_at"].dropna()
    assert at["3AC"] == at["Genesis"] == at["Voyager"] == at.min()
    ax = ct.plot.composability(run)
    place = {text.get_text(): text.xy[0] for text in ax.texts if isinstance(text, Annotation)}
    assert place["3AC"] == 0.0
    assert place["Genesis"] == place["Voyager"] == place["Celsius"] == 1.0
    plt.close("all")
