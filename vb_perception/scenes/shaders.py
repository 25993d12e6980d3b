"""GLSL of the renderer: vertex stages, the pass that writes the truth, the shadow pass, the passes that paint."""

from vb_perception.scenes.patterns import NOISE, surface_colour

# Row `solid` of `solids` holds three rows of world_from_body and then the material; see `packed`.
_FETCH = """
uniform sampler2D solids;
vec4 fetch(int column) { return texelFetch(solids, ivec2(column, solid), 0); }
"""

VERTEX = (
    """
#version 330
uniform mat4 clip_from_world;
uniform mat4 camera_from_world;
uniform mat4 shadow_from_world;
in vec3 in_position;
in vec3 in_normal;
in vec2 in_uv;
in float in_solid;
out vec3 world;
out vec3 world_normal;
out vec3 local;
out vec3 local_normal;
out vec2 image_place;
out vec3 camera;
out vec3 camera_normal;
out vec3 shadow;
flat out int solid;
invariant gl_Position;  // so that the painting passes meet the depths of the first pass exactly
"""
    + _FETCH
    + """
void main() {
    solid = int(in_solid + 0.5);
    mat4 body_from_world = mat4(fetch(0), fetch(1), fetch(2), vec4(0.0, 0.0, 0.0, 1.0));  // transposed: v * M
    world = (vec4(in_position, 1.0) * body_from_world).xyz;
    world_normal = in_normal * mat3(body_from_world);
    local = in_position;
    local_normal = in_normal;
    image_place = in_uv;
    camera = (camera_from_world * vec4(world, 1.0)).xyz;
    camera_normal = mat3(camera_from_world) * world_normal;
    shadow = (shadow_from_world * vec4(world, 1.0)).xyz * 0.5 + 0.5;
    gl_Position = clip_from_world * vec4(world, 1.0);
}
"""
)

SHADOW_VERTEX = (
    """
#version 330
uniform mat4 shadow_from_world;
in vec3 in_position;
in float in_solid;
int solid;
"""
    + _FETCH
    + """
void main() {
    solid = int(in_solid + 0.5);
    vec4 body = vec4(in_position, 1.0);
    gl_Position = shadow_from_world * vec4(dot(fetch(0), body), dot(fetch(1), body), dot(fetch(2), body), 1.0);
}
"""
)

EMPTY_FRAGMENT = """
#version 330
void main() {}
"""

BACKDROP_VERTEX = """
#version 330
in vec2 in_corner;
void main() { gl_Position = vec4(in_corner, 0.0, 1.0); }
"""

BACKDROP_FRAGMENT = """
#version 330
uniform sampler2D panorama;
uniform mat3 world_from_pixel;
uniform vec4 gain_and_turn;
uniform float mirror;
layout(location = 0) out vec4 colour;
void main() {
    vec3 ray = normalize(world_from_pixel * vec3(gl_FragCoord.xy, 1.0));
    float around = mirror * (gain_and_turn.w - atan(ray.y, ray.x)) / 6.28318531;
    vec3 seen = textureLod(panorama, vec2(around, acos(clamp(ray.z, -1.0, 1.0)) / 3.14159265), 0.0).rgb;
    colour = vec4(sqrt(clamp(seen * seen * gain_and_turn.rgb, 0.0, 1.0)), 1.0);
}
"""

# Normals of models may point to either side of a thin wall, or be missing: the triangle itself says which side is seen.
_TOWARDS = """
vec3 towards(vec3 normal, vec3 place, vec3 ray) {
    vec3 face = cross(dFdx(place), dFdy(place));
    face *= dot(face, ray) > 0.0 ? -1.0 : 1.0;
    if (dot(normal, normal) < 1e-6) normal = face;
    normal = normalize(normal);
    if (dot(normal, face) < 0.0) normal = -normal;
    // On the silhouette of a smooth body the interpolated normal may lean away: turn it just into view.
    float away = dot(normal, ray);
    return away > -1e-3 ? normalize(normal - (away + 1e-3) * ray) : normal;
}
"""

TRUTH_FRAGMENT = (
    """
#version 330
in vec3 camera;
in vec3 camera_normal;
flat in int solid;
layout(location = 0) out vec4 normal_and_depth;
layout(location = 1) out uvec2 class_and_instance;
"""
    + _FETCH
    + _TOWARDS
    + """
void main() {
    normal_and_depth = vec4(towards(camera_normal, camera, normalize(camera)), camera.z);
    class_and_instance = uvec2(fetch(3).xy + 0.5);
}
"""
)

_LIGHT = """
float lit_by_sun(vec3 normal) {
    if (any(lessThan(shadow, vec3(0.01))) || any(greaterThan(shadow, vec3(0.99)))) return 1.0;
    float bias = 0.002 + 0.006 * (1.0 - max(dot(normal, sun_direction), 0.0));
    float sum = 0.0;
    vec2 texel = 1.2 / vec2(textureSize(shadow_map, 0));
    for (int i = 0; i < 3; ++i) {
        vec2 offset = vec2(float(i - 1), i == 1 ? 1.0 : -0.6);
        sum += texture(shadow_map, vec3(shadow.xy + offset * texel, shadow.z - bias));
    }
    return sum / 3.0;
}
float open_to_sky(vec3 normal) {
    // Where a body stands on something, both are dark near the contact.
    float open = 1.0;
    int count = int(fetch(8).y + 0.5);
    for (int i = 0; i < count; ++i) {
        vec4 contact = fetch(9 + i);
        vec3 d = world - contact.xyz;
        float r = contact.w, height = d.z / (0.7 * r);
        if (height < -0.2 || height > 1.5) continue;
        float outside = max(length(d.xy) / r - 0.7, 0.0);
        float near = exp(-3.0 * outside * outside - 2.0 * max(height, 0.0));
        open *= 1.0 - 0.55 * near * (normal.z > 0.7 && height > 0.1 ? 0.2 : 1.0);
    }
    return open;
}
"""


def paint_fragment(look: str) -> str:
    """The painting stage for one of `packed.LOOKS`: software renderers pay for every branch, so each has its own.

    Gamma is 2, for which a product and a root are enough.
    """
    return (
        """
#version 330
uniform sampler2DShadow shadow_map;
uniform vec3 eye;
uniform vec3 sky;
uniform vec3 ground;
uniform vec3 sun;
uniform vec3 sun_direction;
uniform vec3 lamp;
uniform vec3 lamp_position;
in vec3 world;
in vec3 world_normal;
in vec3 local;
in vec3 local_normal;
in vec2 image_place;
in vec3 shadow;
flat in int solid;
layout(location = 0) out vec4 colour;
"""
        + _FETCH
        + NOISE
        + surface_colour(look)
        + _TOWARDS
        + _LIGHT
        + """
void main() {
    vec4 first = fetch(4), second = fetch(5), third = fetch(6);
    vec4 more = fetch(7);
    vec3 base = surface_colour(first.rgb, second.rgb, third.rgb);
    float grain = noise(local * 23.0 + fetch(3).z) * 0.6 + noise(local * 140.0) * 0.4;
    base = base * base * (1.0 + third.a * (grain - 0.5));
    vec3 view = normalize(eye - world);
    vec3 normal = towards(world_normal, world, -view);
    float open = open_to_sky(normal);
    vec3 light = mix(ground, sky, 0.5 + 0.5 * normal.z) * open;
    float shade = lit_by_sun(normal);
    light += sun * max(dot(normal, sun_direction), 0.0) * shade;
    vec3 to_lamp = lamp_position - world;
    float lamp_fall = 1.0 / (0.4 + 0.25 * dot(to_lamp, to_lamp));
    to_lamp = normalize(to_lamp);
    light += lamp * max(dot(normal, to_lamp), 0.0) * lamp_fall * mix(1.0, open, 0.6);
    float gloss = second.a, power = 8.0 + 120.0 * gloss * gloss;
    vec3 shining = sun * shade * pow(max(dot(normal, normalize(sun_direction + view)), 0.0), power)
                 + lamp * lamp_fall * pow(max(dot(normal, normalize(to_lamp + view)), 0.0), power);
    vec3 linear = base * light + gloss * shining + base * more.z;
    linear = linear * (1.0 + 0.12 * linear) / (1.0 + 0.35 * linear);
    colour = vec4(sqrt(clamp(linear, 0.0, 1.0)), 1.0);
}
"""
    )
