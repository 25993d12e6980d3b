"""Depth, colours, ids and normals -> the fields of a `sensor_msgs/PointCloud2`.  No ROS import.

An organised cloud has one point a pixel, row by row, so it stays aligned with the image; a compact one has only the
points.  Little-endian, unpadded; points in the optical frame, metres.
"""

from vb_perception.pointcloud.build import CloudFields, PointFieldSpec, build_cloud, cloud_from_depth
from vb_perception.pointcloud.filters import at_depth_edge, is_grazing
from vb_perception.pointcloud.layers import CloudLayers
from vb_perception.pointcloud.options import FIELDS, CloudOptions

__all__ = [
    "FIELDS",
    "CloudFields",
    "CloudLayers",
    "CloudOptions",
    "PointFieldSpec",
    "at_depth_edge",
    "build_cloud",
    "cloud_from_depth",
    "is_grazing",
]
