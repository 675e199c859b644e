"""Lanes: complex numbers of `WIDTH` transforms side by side, a type for compiled loops.

Numba makes vector code of few loops, and of none with as many arrays as a transform has. Here a
row of lanes is a vector from the start: its real parts, then its imaginary parts. Every lane goes
through the same instructions: what comes out does not depend on its place.
"""

import operator

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

WIDTH = 8
"""Transforms side by side."""
ROW = 2 * WIDTH
"""Numbers in a row of lanes."""
_FLOAT, _WHOLE = ir.FloatType(), ir.IntType(32)
_HALF, _ROW = ir.VectorType(_FLOAT, WIDTH), ir.VectorType(_FLOAT, ROW)
_FLAGS = ("contract", "nsz")


class _Lanes(types.Type):
    def __init__(self):
        super().__init__("Lanes")


lanes = _Lanes()


@register_model(_Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _ROW)


def _picked(builder, a, b, places):
    """Return a vector of some of the numbers of two."""
    mask = ir.Constant(ir.VectorType(_WHOLE, len(places)), list(places))
    return builder.shuffle_vector(a, b, mask)


def _spread(builder, number):
    """Return a row of one number."""
    row = builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.Constant(_WHOLE, 0))
    return _picked(builder, row, row, [0] * ROW)


def _pointer(context, builder, kind, array, row, column, kind_of_vector):
    """Return the pointer to a vector in a row of a contiguous array of two axes."""
    array = context.make_array(kind)(context, builder, array)
    at = builder.add(builder.mul(row, builder.extract_value(array.shape, 1)), column)
    return builder.bitcast(builder.gep(array.data, [at]), kind_of_vector.as_pointer())


def _arithmetic(operation, name: str) -> None:
    """Let rows of lanes be added and so on, with one another or with a float32 number."""

    @type_callable(operation)
    def kind(context):
        return lambda a, b: lanes if a is lanes and b in (lanes, types.float32) else None

    @lower_builtin(operation, lanes, lanes)
    def with_lanes(context, builder, signature, arguments):
        return getattr(builder, name)(*arguments, flags=_FLAGS)

    @lower_builtin(operation, lanes, types.float32)
    def with_number(context, builder, signature, arguments):
        row, number = arguments
        return getattr(builder, name)(row, _spread(builder, number), flags=_FLAGS)


for _operation, _name in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _arithmetic(_operation, _name)


@intrinsic
def load(typing, x, row, column):
    """Return lanes that stand in a row of a float32 array, from a column on."""

    def generate(context, builder, signature, arguments):
        at = _pointer(context, builder, signature.args[0], *arguments, _ROW)
        return builder.load(at, align=4)

    return lanes(x, types.intp, types.intp), generate


@intrinsic
def store(typing, x, row, column, value):
    """Write lanes to a row of a float32 array, from a column on."""

    def generate(context, builder, signature, arguments):
        *place, value = arguments
        at = _pointer(context, builder, signature.args[0], *place, _ROW)
        builder.store(value, at, align=4)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, lanes), generate


@intrinsic
def store_power(typing, x, row, value):
    """Write the squared size of lanes to a row of a float32 array, shape (n, WIDTH)."""

    def generate(context, builder, signature, arguments):
        x, row, value = arguments
        square = builder.fmul(value, value, flags=_FLAGS)
        parts = (
            _picked(builder, square, square, range(first, first + WIDTH)) for first in (0, WIDTH)
        )
        at = _pointer(context, builder, signature.args[0], x, row, row.type(0), _HALF)
        builder.store(builder.fadd(*parts, flags=_FLAGS), at, align=4)
        return context.get_dummy_value()

    return types.void(x, types.intp, lanes), generate


@intrinsic
def times_i(typing, value):
    """Return lanes times the imaginary unit."""

    def generate(context, builder, signature, arguments):
        [value] = arguments
        places = [*range(3 * WIDTH, 4 * WIDTH), *range(WIDTH)]
        return _picked(builder, value, builder.fneg(value), places)

    return lanes(lanes), generate


@intrinsic
def conjugate(typing, value):
    """Return the complex conjugate of lanes."""

    def generate(context, builder, signature, arguments):
        [value] = arguments
        places = [*range(WIDTH), *range(3 * WIDTH, 4 * WIDTH)]
        return _picked(builder, value, builder.fneg(value), places)

    return lanes(lanes), generate


@intrinsic
def turn_tile(typing, x, x_row, x_column, y, y_row, y_column):
    """Write WIDTH rows of WIDTH numbers of a float32 array to another one as columns."""

    def generate(context, builder, signature, arguments):
        x, x_row, x_column, y, y_row, y_column = arguments

        def pointer(which, array, row, i, column):
            row = builder.add(row, ir.Constant(row.type, i))
            kind = signature.args[which]
            return _pointer(context, builder, kind, array, row, column, _HALF)

        rows = [builder.load(pointer(0, x, x_row, i, x_column), align=4) for i in range(WIDTH)]
        # Rows of both halves are shuffled like cards: as often as WIDTH has factors of two.
        half, n = WIDTH // 2, 1
        low = [place for j in range(half) for place in (j, WIDTH + j)]
        high = [place + half for place in low]
        while n < WIDTH:
            pairs = [(rows[i], rows[i + half]) for i in range(half)]
            rows = [_picked(builder, *pair, some) for pair in pairs for some in (low, high)]
            n *= 2
        for i, row in enumerate(rows):
            builder.store(row, pointer(3, y, y_row, i, y_column), align=4)
        return context.get_dummy_value()

    places = types.intp, types.intp
    return types.void(x, *places, y, *places), generate
