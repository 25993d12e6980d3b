"""vb_perception: depth, normals and masks from one generated image, as a ROS 2 node."""

import pkgutil

# The message generator installs `vb_perception.msg` beside the Python sources; in a source checkout both halves must be
# found, so the package is allowed to span directories.
__path__ = pkgutil.extend_path(__path__, __name__)

__version__ = "0.1.0"
