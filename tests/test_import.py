import subprocess
import sys

import contagion as ct

HEAVY = ("numba", "matplotlib.pyplot", "networkx", "scipy.stats", "scipy.sparse", "joblib", "jinja2")


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import contagion")
    assert loaded.isdisjoint(HEAVY)


def test_importing_the_package_loads_none_of_its_own_modules() -> None:
    loaded = loaded_after("import contagion")
    assert [name for name in loaded if name.startswith("contagion.")] == []


def test_making_a_network_and_a_shock_loads_neither_a_compiler_nor_pictures() -> None:
    loaded = loaded_after("import contagion as ct\nct.Network\nct.PriceShock\nct.Policy")
    assert loaded.isdisjoint({"numba", "matplotlib.pyplot", "scipy.stats"})


def test_every_public_name_is_reached_and_listed() -> None:
    for name in ct.__all__:
        assert getattr(ct, name) is not None
        assert name in dir(ct)


def test_rules_of_margin_and_markets_are_reached_listed_and_loaded_on_first_use() -> None:
    for space in (ct.margin, ct.markets):
        for name in space.__all__:
            assert getattr(space, name).__name__ == name
            assert name in dir(space)
        assert not hasattr(space, "no_such_rule")
    loaded = loaded_after("import contagion as ct\nct.margin\nct.markets")
    assert loaded.isdisjoint({*HEAVY, "numpy"})


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(ct, "Cascades")
