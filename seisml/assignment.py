"""Assignment: a sparse bipartite graph is solved exactly by its connected components."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

_SMALL_CELLS = 4096  # components up to this many cells go to the dense solver
_LARGE_CELLS = 25_000_000  # 200 MB: so do larger ones, if one cell in 20 is a possible pair


def assign(rows, cols, cost, n_rows: int, n_cols: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose edges of a bipartite graph: most first, then least cost, by connected components.

    Parameters
    ----------
    rows, cols : numpy.ndarray of int64, shape (n_edges,)
        Ends of the edges, each edge once.
    cost : numpy.ndarray of int64, shape (n_edges,)
        At least 0.
    n_rows, n_cols : int
        Numbers of both kinds of nodes.

    Returns
    -------
    rows, cols : numpy.ndarray of int64, shape (n_chosen,)
        Sorted by row; no row and no column stands twice.

    Examples
    --------
    >>> edges = np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([1, 5, 2])
    >>> [index.tolist() for index in assign(*edges, 2, 2)]
    [[0, 1], [1, 0]]
    """
    if not len(rows):
        return rows, cols
    graph = coo_array(
        (np.ones(len(rows), dtype=np.int8), (rows, cols + n_rows)), shape=(n_rows + n_cols,) * 2
    )
    part = connected_components(graph, directed=False)[1][rows]
    order = np.lexsort((cols, rows, cost, part))
    rows, cols, cost, part = rows[order], cols[order], cost[order], part[order]
    first = np.flatnonzero(np.concatenate([[True], part[1:] != part[:-1]]))
    one_row = np.minimum.reduceat(rows, first) == np.maximum.reduceat(rows, first)
    one_col = np.minimum.reduceat(cols, first) == np.maximum.reduceat(cols, first)
    star = one_row | one_col  # the cheapest edge comes first and is the answer
    chosen = [first[star]]
    bounds = np.append(first, len(rows))
    for k in np.flatnonzero(~star):
        edges = slice(bounds[k], bounds[k + 1])
        chosen.append(bounds[k] + _solve(rows[edges], cols[edges], cost[edges]))
    chosen = np.concatenate(chosen)
    chosen = chosen[np.argsort(rows[chosen])]
    return rows[chosen], cols[chosen]


def _solve(rows, cols, cost) -> np.ndarray:
    """Return the indices of the chosen edges of one component."""
    n_r, r = _numbered(rows)
    n_c, c = _numbered(cols)
    if n_r > n_c:
        return _solve(cols, rows, cost)
    # One more pair can cost no more than this: most pairs come first. (Exact below 2**53.)
    alone = float(n_r) * (float(cost.max()) + 1) + 1
    cells = n_r * n_c
    if cells <= _SMALL_CELLS or (cells <= _LARGE_CELLS and 20 * len(rows) > cells):
        matrix = np.full((n_r, n_c), alone)
        matrix[r, c] = cost
        got_r, got_c = linear_sum_assignment(matrix)
    else:  # every row may also stay alone, at a column of its own; zero would mean no edge
        each = np.arange(n_r)
        weight = np.concatenate([cost + 1.0, np.full(n_r, alone)])
        places = np.concatenate([r, each]), np.concatenate([c, n_c + each])
        matrix = coo_array((weight, places), shape=(n_r, n_c + n_r)).tocsr()
        got_r, got_c = min_weight_full_bipartite_matching(matrix)
    partner = np.full(n_r, -1)
    partner[got_r] = got_c
    return np.flatnonzero(partner[r] == c)


def _numbered(nodes: np.ndarray) -> tuple[int, np.ndarray]:
    """Return how many nodes there are, and their numbers from 0 on, without sorting edges."""
    used = np.zeros(int(np.ptp(nodes)) + 1, dtype=bool)
    used[nodes - nodes.min()] = True
    number = np.cumsum(used) - 1
    return int(number[-1]) + 1, number[nodes - nodes.min()]
