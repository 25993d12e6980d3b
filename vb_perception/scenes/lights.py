"""Random indoor light."""

import numpy as np

from vb_perception.scenes.scene import Lighting, Rgb


def indoor_lighting(rng: np.random.Generator, centre_m: tuple[float, ...], radius_m: float) -> Lighting:
    """Diffuse light, one window or ceiling light with shadows within `radius_m` of `centre_m`, one small lamp."""
    level = float(np.exp(rng.normal(0.0, 0.25)))
    diffuse = rng.uniform(0.3, 0.8)
    yaw, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.45)
    x, y, z = (float(c) for c in centre_m)
    return Lighting(
        sky=_tinted(rng, level * diffuse),
        ground=_tinted(rng, level * diffuse * rng.uniform(0.4, 0.75)),
        sun=_tinted(rng, level * (1.2 - diffuse) * rng.uniform(0.5, 1.3)),
        sun_direction=(
            float(np.cos(elevation) * np.cos(yaw)),
            float(np.cos(elevation) * np.sin(yaw)),
            float(np.sin(elevation)),
        ),
        lamp=_tinted(rng, level * rng.uniform(0.0, 0.5)),
        lamp_position_m=(x + rng.uniform(-1.5, 1.5), y + rng.uniform(-1.5, 1.5), rng.uniform(1.6, 2.3)),
        shadow_centre_m=(x, y, z),
        shadow_radius_m=radius_m,
    )


def _tinted(rng: np.random.Generator, level: float) -> Rgb:
    """White light, a little warmer or colder."""
    warmth = rng.normal(0, 0.06)
    return level * (1 + warmth), level, level * (1 - warmth)
