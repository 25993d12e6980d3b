"""GLSL of the renderer: one vertex stage, a shadow pass, a pass that paints and a pass that writes the truth."""

VERTEX = """
#version 330
uniform mat4 clip_from_world;
uniform mat4 camera_from_world;
uniform mat4 shadow_from_world;
in vec3 in_position;
in vec3 in_normal;
in vec3 in_local;
in vec3 in_local_normal;
in float in_solid;
out vec3 world;
out vec3 world_normal;
out vec3 local;
out vec3 local_normal;
out vec3 camera;
out vec3 camera_normal;
out vec3 shadow;
flat out int solid;
void main() {
    world = in_position;
    world_normal = in_normal;
    local = in_local;
    local_normal = in_local_normal;
    camera = (camera_from_world * vec4(in_position, 1.0)).xyz;
    camera_normal = mat3(camera_from_world) * in_normal;
    shadow = (shadow_from_world * vec4(in_position, 1.0)).xyz * 0.5 + 0.5;
    solid = int(in_solid + 0.5);
    gl_Position = clip_from_world * vec4(in_position, 1.0);
}
"""

SHADOW_VERTEX = """
#version 330
uniform mat4 shadow_from_world;
in vec3 in_position;
void main() { gl_Position = shadow_from_world * vec4(in_position, 1.0); }
"""

SHADOW_FRAGMENT = """
#version 330
void main() {}
"""

TRUTH_FRAGMENT = """
#version 330
uniform sampler2D materials;
in vec3 camera;
in vec3 camera_normal;
flat in int solid;
layout(location = 0) out vec4 normal_and_depth;
layout(location = 1) out uvec2 class_and_instance;
void main() {
    vec3 normal = normalize(camera_normal);
    vec3 ray = normalize(camera);
    // On the silhouette of a smooth body the interpolated normal may lean away: turn it just into view.
    float away = dot(normal, ray);
    if (away > -1e-3) normal = normalize(normal - (away + 1e-3) * ray);
    normal_and_depth = vec4(normal, camera.z);
    vec4 ids = texelFetch(materials, ivec2(3, solid), 0);
    class_and_instance = uvec2(ids.xy + 0.5);
}
"""

# The textures work in metres on the body itself, so they keep their size and stick to it when it moves.
_TEXTURES = """
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
// A square wave of period 1, averaged over the pixel so that far patterns fade to grey instead of flickering.
float square(float x, float width) {
    vec2 edge = vec2(x - 0.5 * width, x + 0.5 * width);
    vec2 area = floor(edge) * 0.5 + min(fract(edge), 0.5);
    return (area.y - area.x) / width;
}
float line(float x, float width, float thickness) {
    float d = abs(fract(x) - 0.5);
    return (1.0 - smoothstep(0.5 - thickness - width, 0.5 - thickness + width, d)) ;
}
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
vec3 texture_at(vec3 p, vec3 n, vec4 t0, vec4 t1, vec4 t2, vec4 t3, vec4 t4) {
    vec3 a = t0.rgb, b = t1.rgb, c = t2.rgb;
    int pattern = int(t0.a + 0.5);
    float seed = t3.z;
    vec3 side = abs(n);
    vec2 uv = side.z >= max(side.x, side.y) ? p.xy : side.x >= side.y ? p.yz : p.xz;
    if (t3.w > 0.5 && side.z < 0.9) uv = vec2(atan(p.y, p.x) * t4.z, p.z);
    uv = mat2(cos(t4.x), sin(t4.x), -sin(t4.x), cos(t4.x)) * uv;
    vec2 q = uv / t1.a;
    vec3 p3 = p / t1.a + seed;
    vec2 width = clamp(fwidth(q), 1e-4, 4.0);
    if (pattern == 1) {
        float s = square(q.x, width.x), t = square(q.y, width.y);
        return mix(a, b, s + t - 2.0 * s * t);
    }
    if (pattern == 2) return mix(a, b, square(q.x, width.x));
    if (pattern == 3) {
        vec2 along = vec2(uv.x / t1.a, uv.y / t1.a * 0.06);
        float rings = noise(vec3(along * 1.7, seed)) * 5.0 + noise(vec3(along * 9.0, seed)) * 0.7;
        float fibre = noise(vec3(along * vec2(40.0, 12.0), seed));
        return mix(a, b, 0.75 * smoothstep(0.1, 0.9, abs(2.0 * fract(rings) - 1.0)) + 0.25 * fibre);
    }
    if (pattern == 4) {
        float n1 = noise(p3 * 4.0), n2 = noise(p3 * 9.0 + 5.0);
        return mix(mix(a, b, smoothstep(0.55, 0.65, n1)), c, smoothstep(0.68, 0.75, n2));
    }
    if (pattern == 5) return printed(q, seed, a, b, c);
    if (pattern == 6) {
        float near = 1.0 - smoothstep(0.0, 0.004, fwidth(uv.x));
        float weave = 0.5 + 0.25 * near * (sin(uv.x * 900.0) + sin(uv.y * 900.0));
        return mix(a, b, 0.25 * weave + 0.6 * smoothstep(0.35, 0.7, noise(p3)));
    }
    if (pattern == 7) {
        float grout = max(smoothstep(0.47 - width.x, 0.48 + width.x, abs(fract(q.x) - 0.5)),
                          smoothstep(0.47 - width.y, 0.48 + width.y, abs(fract(q.y) - 0.5)));
        grout *= 1.0 - smoothstep(0.2, 0.6, max(width.x, width.y));
        vec3 tile = mix(a, c, 0.35 * hash(vec3(floor(q), seed)));
        return mix(tile, b, grout);
    }
    if (pattern == 8) {
        float row = floor(q.x), shift = hash(vec3(row, seed, 3.0));
        vec2 plank = vec2(row, floor(q.y / 6.0 + shift));
        float gap = smoothstep(0.48 - width.x, 0.49 + width.x, abs(fract(q.x) - 0.5));
        float tone = hash(vec3(plank, seed)), fibre = noise(vec3(q.x * 14.0, q.y * 0.8, seed + tone * 9.0));
        return mix(a, b, 0.5 * tone + 0.4 * fibre) * (1.0 - 0.45 * gap * (1.0 - smoothstep(0.2, 0.6, width.x)));
    }
    if (pattern == 9) {
        float vein = abs(noise(p3) + 0.5 * noise(p3 * 2.3 + 7.0) - 0.75);
        return mix(b, a, smoothstep(0.0, 0.25, vein));
    }
    if (pattern == 10) {
        float level = fract(q.y + seed);
        return level < 0.3 ? a : level < 0.62 ? b : level < 0.7 ? c : a;
    }
    return a;
}
"""

COLOUR_FRAGMENT = (
    """
#version 330
uniform sampler2D materials;
uniform sampler2DShadow shadow_map;
uniform vec3 eye;
uniform vec3 sky;
uniform vec3 ground;
uniform vec3 sun;
uniform vec3 sun_direction;
uniform vec3 lamp;
uniform vec3 lamp_position;
uniform vec4 contacts[24];
uniform int contact_count;
in vec3 world;
in vec3 world_normal;
in vec3 local;
in vec3 local_normal;
in vec3 shadow;
flat in int solid;
layout(location = 0) out vec4 colour;
"""
    + _TEXTURES
    + """
float lit_by_sun(vec3 normal) {
    if (any(lessThan(shadow, vec3(0.01))) || any(greaterThan(shadow, vec3(0.99)))) return 1.0;
    float bias = 0.002 + 0.006 * (1.0 - max(dot(normal, sun_direction), 0.0));
    float sum = 0.0;
    vec2 texel = 1.2 / vec2(textureSize(shadow_map, 0));
    for (int i = 0; i < 5; ++i) {
        vec2 offset = i == 0 ? vec2(0.0) : (i < 3 ? vec2(float(2 * i - 3), 1.0) : vec2(float(2 * i - 7), -1.0));
        sum += texture(shadow_map, vec3(shadow.xy + offset * texel, shadow.z - bias));
    }
    return sum / 5.0;
}
float open_to_sky(vec3 normal) {
    // Where a body stands on something, both are dark near the contact.
    float open = 1.0;
    for (int i = 0; i < contact_count; ++i) {
        vec3 d = world - contacts[i].xyz;
        float r = contacts[i].w, height = d.z / (0.7 * r);
        if (height < -0.2 || height > 1.5) continue;
        float outside = max(length(d.xy) / r - 0.7, 0.0);
        float near = exp(-3.0 * outside * outside - 2.0 * max(height, 0.0));
        open *= 1.0 - 0.55 * near * (normal.z > 0.7 && height > 0.1 ? 0.2 : 1.0);
    }
    return open;
}
void main() {
    vec4 t0 = texelFetch(materials, ivec2(0, solid), 0);
    vec4 t1 = texelFetch(materials, ivec2(1, solid), 0);
    vec4 t2 = texelFetch(materials, ivec2(2, solid), 0);
    vec4 t3 = texelFetch(materials, ivec2(3, solid), 0);
    vec4 t4 = texelFetch(materials, ivec2(4, solid), 0);
    vec3 base = texture_at(local, local_normal, t0, t1, t2, t3, t4);
    float grain = noise(local * 23.0 + t3.z) * 0.6 + noise(local * 140.0) * 0.4;
    base = pow(clamp(base, 0.0, 1.0), vec3(2.2)) * (1.0 + t4.y * (grain - 0.5));
    vec3 view = normalize(eye - world);
    vec3 normal = normalize(world_normal);
    if (dot(normal, view) < 0.0) normal = normalize(normal - 1.01 * dot(normal, view) * view);
    float open = open_to_sky(normal);
    vec3 light = mix(ground, sky, 0.5 + 0.5 * normal.z) * open;
    float shade = lit_by_sun(normal);
    light += sun * max(dot(normal, sun_direction), 0.0) * shade;
    vec3 to_lamp = lamp_position - world;
    float lamp_fall = 1.0 / (0.4 + 0.25 * dot(to_lamp, to_lamp));
    to_lamp = normalize(to_lamp);
    light += lamp * max(dot(normal, to_lamp), 0.0) * lamp_fall * mix(1.0, open, 0.6);
    float gloss = t2.a, power = 8.0 + 120.0 * gloss * gloss;
    vec3 shining = sun * shade * pow(max(dot(normal, normalize(sun_direction + view)), 0.0), power)
                 + lamp * lamp_fall * pow(max(dot(normal, normalize(to_lamp + view)), 0.0), power);
    vec3 linear = base * light + gloss * shining + base * t4.w;
    linear = linear * (1.0 + 0.12 * linear) / (1.0 + 0.35 * linear);
    colour = vec4(pow(clamp(linear, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}
"""
)
