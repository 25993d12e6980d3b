"""GLSL of the surfaces' colours: noise, and one function body for each procedural pattern and for images."""

from collections.abc import Mapping

# The patterns work in metres on the body itself, so they keep their size and stick to it when it moves.
NOISE = """
float hash(vec3 p) {
    uvec3 q = uvec3(ivec3(floor(p)) + 32768);
    uint n = q.x * 1597334677u ^ q.y * 3812015801u ^ q.z * 2798796415u;
    n = (n ^ (n >> 15)) * 2246822519u;
    n = (n ^ (n >> 13)) * 3266489917u;
    return float((n ^ (n >> 16)) >> 8) / 16777216.0;
}
float noise(vec3 p) {
    vec3 f = fract(p);
    f = f * f * (3.0 - 2.0 * f);
    p = floor(p);
    vec4 low = vec4(hash(p), hash(p + vec3(1, 0, 0)), hash(p + vec3(0, 1, 0)), hash(p + vec3(1, 1, 0)));
    p.z += 1.0;
    vec4 high = vec4(hash(p), hash(p + vec3(1, 0, 0)), hash(p + vec3(0, 1, 0)), hash(p + vec3(1, 1, 0)));
    vec4 level = mix(low, high, f.z);
    vec2 row = mix(level.xz, level.yw, f.x);
    return mix(row.x, row.y, f.y);
}
"""

_SQUARE = """
// A square wave of period 1, averaged over the pixel so that far patterns fade to grey instead of flickering.
float square(float x, float width) {
    vec2 edge = vec2(x - 0.5 * width, x + 0.5 * width);
    vec2 area = floor(edge) * 0.5 + min(fract(edge), 0.5);
    return (area.y - area.x) / width;
}
"""

_PRINTED = """
vec3 printed(vec2 uv, float seed, vec3 a, vec3 b, vec3 c) {
    vec3 colour = a;
    // Blocks like the logos, bars and lines of text on a carton: three sizes of cells, each filled now and then.
    for (int level = 0; level < 3; ++level) {
        float size = exp2(float(level));
        vec2 cell = uv * size * vec2(1.0, 1.0 + float(level));
        vec3 key = vec3(floor(cell), seed + 17.0 * float(level));
        vec2 inside = fract(cell);
        float x0 = 0.45 * hash(key + 0.5), x1 = 1.0 - 0.45 * hash(key + vec3(3.0, 5.0, 1.0));
        float y0 = 0.45 * hash(key + vec3(7.0, 1.0, 2.0)), y1 = 1.0 - 0.45 * hash(key + vec3(1.0, 9.0, 3.0));
        bool filled = hash(key + vec3(11.0, 2.0, 4.0)) < 0.45;
        if (filled && inside.x > x0 && inside.x < x1 && inside.y > y0 && inside.y < y1) {
            float which = hash(key + vec3(2.0, 13.0, 5.0));
            vec3 fill = which < 0.35 ? b : which < 0.7 ? c : which < 0.85 ? vec3(0.9) : vec3(0.08);
            if (level == 2) fill = mix(colour, fill, square(uv.y * 11.0 + which, 0.05));
            colour = fill;
        }
    }
    return colour;
}
"""

# In scope: a, b, c sRGB colours; p m on the body; uv m on its face; q, p3 the same in periods; width of a pixel in q.
_BODIES: Mapping[str, str] = {
    "plain": "return a;",
    "checker": """
    float s = square(q.x, width.x), t = square(q.y, width.y);
    return mix(a, b, s + t - 2.0 * s * t);
""",
    "stripes": "return mix(a, b, square(q.x, width.x));",
    "wood": """
    vec2 along = vec2(q.x, q.y * 0.06);
    float rings = noise(vec3(along * 1.7, seed)) * 5.0 + noise(vec3(along * 9.0, seed)) * 0.7;
    float fibre = noise(vec3(along * vec2(40.0, 12.0), seed));
    return mix(a, b, 0.75 * smoothstep(0.1, 0.9, abs(2.0 * fract(rings) - 1.0)) + 0.25 * fibre);
""",
    "speckle": """
    float n1 = noise(p3 * 4.0), n2 = noise(p3 * 9.0 + 5.0);
    return mix(mix(a, b, smoothstep(0.55, 0.65, n1)), c, smoothstep(0.68, 0.75, n2));
""",
    "print": "return printed(q, seed, a, b, c);",
    "cloth": """
    float near = 1.0 - smoothstep(0.0, 0.004, fwidth(uv.x));
    float weave = 0.5 + 0.25 * near * (sin(uv.x * 900.0) + sin(uv.y * 900.0));
    return mix(a, b, 0.25 * weave + 0.6 * smoothstep(0.35, 0.7, noise(p3)));
""",
    "tiles": """
    float grout = max(smoothstep(0.47 - width.x, 0.48 + width.x, abs(fract(q.x) - 0.5)),
                      smoothstep(0.47 - width.y, 0.48 + width.y, abs(fract(q.y) - 0.5)));
    grout *= 1.0 - smoothstep(0.2, 0.6, max(width.x, width.y));
    vec3 tile = mix(a, c, 0.35 * hash(vec3(floor(q), seed)));
    return mix(tile, b, grout);
""",
    "planks": """
    float row = floor(q.x), shift = hash(vec3(row, seed, 3.0));
    vec2 plank = vec2(row, floor(q.y / 6.0 + shift));
    float gap = smoothstep(0.48 - width.x, 0.49 + width.x, abs(fract(q.x) - 0.5));
    float tone = hash(vec3(plank, seed)), fibre = noise(vec3(q.x * 14.0, q.y * 0.8, seed + tone * 9.0));
    return mix(a, b, 0.5 * tone + 0.4 * fibre) * (1.0 - 0.45 * gap * (1.0 - smoothstep(0.2, 0.6, width.x)));
""",
    "marble": """
    float vein = abs(noise(p3) + 0.5 * noise(p3 * 2.3 + 7.0) - 0.75);
    return mix(b, a, smoothstep(0.0, 0.25, vein));
""",
    "bands": """
    float level = fract(q.y + seed);
    return level < 0.3 ? a : level < 0.62 ? b : level < 0.7 ? c : a;
""",
    "image": "return a * picture(vec2(q.x, -q.y));",
    "image_uv": "return a * picture(image_place);",
}

_PICTURE = """
uniform sampler2DArray images;
vec3 picture(vec2 place) {
    vec3 found = texture(images, vec3(place, fetch(8).x)).rgb;
    float grey = dot(found, vec3(0.3, 0.59, 0.11));
    return mix(vec3(grey), found, fetch(7).w);
}
"""


def surface_colour(look: str) -> str:
    """A GLSL function surface_colour of three sRGB colours, for one of `packed.LOOKS`; it calls `fetch(column)`."""
    return (
        _SQUARE
        + (_PRINTED if look == "print" else "")
        + (_PICTURE if look.startswith("image") else "")
        + """
vec3 surface_colour(vec3 a, vec3 b, vec3 c) {
    vec4 ids = fetch(3), turn = fetch(7);
    float seed = ids.z, repeat = fetch(4).w;
    vec3 p = local, side = abs(local_normal);
    vec2 uv = side.z >= max(side.x, side.y) ? p.xy : side.x >= side.y ? p.yz : p.xz;
    if (ids.w > 0.5 && side.z < 0.9) uv = vec2(atan(p.y, p.x) * turn.y, p.z);
    uv = mat2(cos(turn.x), sin(turn.x), -sin(turn.x), cos(turn.x)) * uv;
    vec2 q = uv / repeat;
    vec3 p3 = p / repeat + seed;
    vec2 width = clamp(fwidth(q), 1e-4, 4.0);
"""
        + _BODIES[look]
        + "}\n"
    )
