"""What a new plugin begins with: `playhall-seedling` beside this file, a real plugin whose name is replaced."""
