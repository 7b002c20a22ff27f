"""Sparsest networks by mixed-integer programme, and the posterior of three banks by hand."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp


def fewest_links(owed, claimed):
    """Links of the sparsest matrix with given sums: minimise sum z with X_ij <= min(r_i, c_j) z_ij."""
    owed, claimed = np.asarray(owed, dtype=float), np.asarray(claimed, dtype=float)
    total, n = owed.sum(), len(owed)
    cells = [(i, j) for i in range(n) for j in range(n) if i != j and min(owed[i], claimed[j]) > 0]
    if not cells:
        return 0
    rows = [
        [float(cell[side] == k) for cell in cells] + [0.0] * len(cells) for side in (0, 1) for k in range(n)
    ]
    sums = [*(owed / total), *(claimed / total)]
    caps = np.hstack([np.eye(len(cells)), np.diag([-min(owed[i], claimed[j]) / total for i, j in cells])])
    found = milp(
        np.repeat([0.0, 1.0], len(cells)),
        constraints=[
            LinearConstraint(np.array(rows), sums, sums),
            LinearConstraint(caps, -np.inf, 0.0),
        ],
        integrality=np.repeat([0, 1], len(cells)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    assert found.status == 0
    return round(found.fun)


def three_bank_posterior(owed, claimed, link_probability, rate):
    """Mean and link probabilities: the matrices are one interval, uniform inside with atoms at its ends.

    L[0, 1] = x, L[0, 2] = r_0 - x, L[2, 1] = c_1 - x, L[2, 0] = r_2 - c_1 + x, L[1, 0] = c_0 - r_2 + c_1 - x and
    L[1, 2] = c_2 - r_0 + x.
    """
    r, c = np.asarray(owed, dtype=float), np.asarray(claimed, dtype=float)

    def matrix(x):
        return np.array(
            [
                [0.0, x, r[0] - x],
                [c[0] - r[2] + c[1] - x, 0.0, c[2] - r[0] + x],
                [r[2] - c[1] + x, c[1] - x, 0.0],
            ]
        )

    low, high = max(0.0, c[1] - r[2], r[0] - c[2]), min(r[0], c[1], c[0] + c[1] - r[2])
    ends = [np.where(np.abs(matrix(x)) < 1e-12, 0.0, matrix(x)) for x in (low, high)]
    zeros = [(end == 0).sum() - 3 for end in ends]
    atom = (1 - link_probability) / (link_probability * rate)
    if max(zeros) > 1:
        weights = [float(zeros[0] >= zeros[1]), float(zeros[1] >= zeros[0]), 0.0]
    else:
        weights = [atom, atom, high - low]
    weights = np.array(weights) / sum(weights)
    middle = matrix((low + high) / 2)
    states = [*ends, middle]
    mean = sum(w * state for w, state in zip(weights, states, strict=True))
    positive = sum(w * (state > 0) for w, state in zip(weights, states, strict=True))
    return mean, positive
