# Passed by setup.py as CMAKE_PROJECT_INCLUDE, so that CMakeLists.txt stays what a ROS user expects.
#
# The ROS 2 wheels export include directories of the machine that built them (/opt/python/...), which CMake refuses as
# non-existent.  They are taken off every imported target, once, when the top directory is done.  Without such wheels
# this changes nothing.
function(vb_drop_foreign_include_directories)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(directories MATCHES "/opt/python/")
      list(FILTER directories EXCLUDE REGEX "^/opt/python/")
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${directories}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL vb_drop_foreign_include_directories)
