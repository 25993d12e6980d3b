"""The graphs that read a painted picture: a codec, and its part of `resample.py`, in ONNX's text form."""

from vb_perception.codecs.colours import CONFIDENCE_LEVELS
from vb_perception.codecs.depth import EDGES, LEVELS, WALK
from vb_perception.codecs.normals import MIN_LENGTH
from vb_perception.resample import AGREEING_LENGTH2, DEPTH_EDGE
from vb_perception.runtime.on_device import LEGEND_ROWS, TABLE_ROWS

TAPS = (
    "int32[h] row_low, int32[h] row_high, int32[h] row_near, float[h, 1] row_share, "
    "int32[w] column_low, int32[w] column_high, int32[w] column_near, float[1, w] column_share"
)
"""Which rows and columns of the painted picture are mixed for each of the camera's, the share of the second, and the
nearest."""


def four(name: str, of: str) -> str:
    """Lines that gather the four pixels around each of the camera's, and the nearest: `name`_ul, _ur, _dl, _dr, _n."""
    return f"""
    {name}_u = Gather<axis = 0>({of}, row_low)
    {name}_d = Gather<axis = 0>({of}, row_high)
    {name}_m = Gather<axis = 0>({of}, row_near)
    {name}_ul = Gather<axis = 1>({name}_u, column_low)
    {name}_ur = Gather<axis = 1>({name}_u, column_high)
    {name}_dl = Gather<axis = 1>({name}_d, column_low)
    {name}_dr = Gather<axis = 1>({name}_d, column_high)
    {name}_n = Gather<axis = 1>({name}_m, column_near)
"""


def mixed(name: str, out: str, rows: str = "row_share", columns: str = "column_share") -> str:
    """Lines that interpolate between the four."""
    return f"""
    {name}_us = Sub({name}_ur, {name}_ul)
    {name}_ut = Mul({name}_us, {columns})
    {name}_up = Add({name}_ul, {name}_ut)
    {name}_ds = Sub({name}_dr, {name}_dl)
    {name}_dt = Mul({name}_ds, {columns})
    {name}_down = Add({name}_dl, {name}_dt)
    {name}_vs = Sub({name}_down, {name}_up)
    {name}_vt = Mul({name}_vs, {rows})
    {out} = Add({name}_up, {name}_vt)
"""


CONFIDENCE = f"""{four("c", "sure")}{mixed("c", "linear_confidence")}
    confidence = Clip(linear_confidence, nought, unit)
"""
CONFIDENCE_OF_KNOWN = f"""{four("c", "sure")}{mixed("c", "linear_confidence")}
    clipped_confidence = Clip(linear_confidence, nought, unit)
    confidence = Where(unknown, nought, clipped_confidence)
"""


def walk_lines() -> str:
    """Lines for `codecs.depth.nearest_on_walk`: number and squared distance of each pixel's nearest colour, int32."""
    channels = "".join(
        f"""
    c{i} = Cast<to = 6>(plane{i})
    f{i} = Sub(levels, c{i})
    cc{i} = Mul(c{i}, c{i})
    ff{i} = Mul(f{i}, f{i})"""
        for i in range(3)
    )
    edges = []
    for edge in range(EDGES):
        start, end = WALK[edge], WALK[edge + 1]
        axis = int((start != end).argmax())
        i, j = (other for other in range(3) if other != axis)
        first, second = (f"{'ff' if start[k] else 'cc'}{k}" for k in (i, j))
        along = f"c{axis}" if end[axis] else f"f{axis}"
        edges.append(f"""
    apart{edge} = Add({first}, {second})
    packed{edge} = Mul(apart{edge}, base)
    number{edge} = Add({along}, offset{edge})
    both{edge} = Add(packed{edge}, number{edge})""")
    names = ", ".join(f"both{edge}" for edge in range(EDGES))
    return f"""
    pixels = Cast<to = 1>(painted)
    plane0, plane1, plane2 = Split<axis = 2>(pixels, thirds)
    {channels}
    {"".join(edges)}
    best = Min({names})
    distance2 = Div(best, base)
    packed = Mul(distance2, base)
    number_deep = Sub(best, packed)
    number = Squeeze(number_deep, two)
    distance2_flat = Squeeze(distance2, two)
"""


OFFSETS = ", ".join(f"int32 offset{edge} = {{{edge * LEVELS}}}" for edge in range(EDGES))
READ_DEPTH = f"""
read_depth (uint8[H, W, 3] painted, float[{TABLE_ROWS}] metres, float[{TABLE_ROWS}] known, {TAPS})
    => (float[h, w] depth_m, float[h, w] confidence)
<int64[3] thirds = {{1, 1, 1}}, int64[1] two = {{2}}, int32 levels = {{{LEVELS}}}, int32 base = {{2048}}, {OFFSETS},
 float fall = {{{-1 / CONFIDENCE_LEVELS}}}, float step = {{{1 + DEPTH_EDGE}}}, float nought = {{0}}, float unit = {{1}},
 float nan = {{nan}}> {{
    {walk_lines()}
    near_m = Gather<axis = 0>(metres, number)
    distance2_float = Cast<to = 1>(distance2_flat)
    distance = Sqrt(distance2_float)
    exponent = Mul(distance, fall)
    likely = Exp(exponent)
    is_known = Gather<axis = 0>(known, number)
    sure = Mul(likely, is_known)
    {four("z", "near_m")}{mixed("z", "linear_m")}
    least = Min(z_ul, z_ur, z_dl, z_dr)
    most = Max(z_ul, z_ur, z_dl, z_dr)
    allowed = Mul(least, step)
    one_surface = Less(most, allowed)
    chosen = Where(one_surface, linear_m, z_n)
    unknown = Less(chosen, nought)
    depth_m = Where(unknown, nan, chosen)
    {CONFIDENCE_OF_KNOWN}
}}
"""
"""Unknown depth is -1 in the table, and NaN again at the end: what comparisons do with NaN differs between devices."""

READ_NORMALS = f"""
read_normals (uint8[H, W, 3] painted, {TAPS}) => (float[h, w, 3] normals, float[h, w] confidence)
<float to_unit = {{{2 / 255}}}, float unit = {{1}}, float nought = {{0}}, float quarter = {{0.25}},
 float shortest = {{{MIN_LENGTH}}}, float agree = {{{AGREEING_LENGTH2}}}, float nan = {{nan}}, float half = {{0.5}},
 int64[1] two = {{2}}> {{
    pixels = Cast<to = 1>(painted)
    share = Mul(pixels, to_unit)
    vectors = Sub(unit, share)
    squares = Mul(vectors, vectors)
    length2 = ReduceSum<keepdims = 1>(squares, two)
    length = Sqrt(length2)
    is_short = Less(length, shortest)
    divisor = Where(is_short, unit, length)
    directions = Div(vectors, divisor)
    known = Where(is_short, nought, directions)
    off_length = Sub(length, unit)
    off = Abs(off_length)
    off_most = Min(off, unit)
    trust = Sub(unit, off_most)
    trusted = Where(is_short, nought, trust)
    sure = Squeeze(trusted, two)
    row_share3 = Unsqueeze(row_share, two)
    column_share3 = Unsqueeze(column_share, two)
    {four("n", "known")}{mixed("n", "linear", "row_share3", "column_share3")}
    linear2 = Mul(linear, linear)
    linear_length2 = ReduceSum<keepdims = 1>(linear2, two)
    linear_length = Sqrt(linear_length2)
    unit_linear = Div(linear, linear_length)
    sum_u = Add(n_ul, n_ur)
    sum_d = Add(n_dl, n_dr)
    sum = Add(sum_u, sum_d)
    mean = Mul(sum, quarter)
    mean2 = Mul(mean, mean)
    mean_length2 = ReduceSum<keepdims = 1>(mean2, two)
    differ = Less(mean_length2, agree)
    near2 = Mul(n_n, n_n)
    near_length2 = ReduceSum<keepdims = 1>(near2, two)
    near_unknown = Less(near_length2, half)
    near = Where(near_unknown, nan, n_n)
    normals = Where(differ, near, unit_linear)
    unknown_deep = And(differ, near_unknown)
    unknown = Squeeze(unknown_deep, two)
    {CONFIDENCE_OF_KNOWN}
}}
"""

READ_SEGMENTS = f"""
read_segments (uint8[H, W, 3] painted, float[{LEGEND_ROWS}, 3] colours, {TAPS})
    => (uint8[h, w] ids, float[h, w] confidence)
<float twice = {{2}}, float nought = {{0}}, float unit = {{1}}, int64[1] two = {{2}}, int64[1] one = {{1}},
 int64[1] pair = {{2}}, int64[2] halves = {{1, 1}}> {{
    pixels = Cast<to = 1>(painted)
    legend = Transpose<perm = [1, 0]>(colours)
    common = MatMul(pixels, legend)
    squares = Mul(colours, colours)
    colours2 = ReduceSum<keepdims = 0>(squares, one)
    common2 = Mul(common, twice)
    relative = Sub(colours2, common2)
    pixels_squared = Mul(pixels, pixels)
    pixels2 = ReduceSum<keepdims = 1>(pixels_squared, two)
    distances2 = Add(relative, pixels2)
    nearest2, nearest_ids = TopK<axis = 2, largest = 0, sorted = 1>(distances2, pair)
    nearest = Sqrt(nearest2)
    first, second = Split<axis = 2>(nearest, halves)
    first_id, _second_id = Split<axis = 2>(nearest_ids, halves)
    margin = Sub(second, first)
    both = Add(second, first)
    certain = Div(margin, both)
    sure = Squeeze(certain, two)
    id_float = Cast<to = 1>(first_id)
    id = Squeeze(id_float, two)
    id_rows = Gather<axis = 0>(id, row_near)
    id_near = Gather<axis = 1>(id_rows, column_near)
    ids = Cast<to = 2>(id_near)
    {CONFIDENCE}
}}
"""
