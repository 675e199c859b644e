"""The classroom: an exercise with a scorer, data and checks for the notebooks, their builder.

`exercise` writes an archive with hidden truth, `submissions` reads what students hand in,
`scoring` ranks it. `features`, `sensors` and `series` need NumPy alone.
"""
